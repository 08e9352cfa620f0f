//! Each case by itself, by criterion: the plain times. The ratios are in `budgets`.

use criterion::{Criterion, criterion_group, criterion_main};

fn requests(criterion: &mut Criterion) {
    for mut case in session_auth_benches::cases() {
        criterion.bench_function(case.name(), |bencher| {
            bencher.iter_custom(|count| case.run(count));
        });
    }
}

criterion_group!(benches, requests);
criterion_main!(benches);
