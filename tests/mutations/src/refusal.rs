//! Which branches refuse something.

use std::collections::BTreeSet;

use quote::ToTokens;
use syn::{Block, Expr, ExprBreak, ExprReturn, Macro, Stmt};

/// What adds to a list of findings or problems.
const ADDS: [&str; 5] = ["push", "add", "extend", "append", "insert"];

/// The words that name refusals.
pub(crate) struct Words(pub(crate) BTreeSet<String>);

impl Words {
    /// `problem` is in `Problem`, `problems` and `path_problem`.
    fn is_in(&self, name: &str) -> bool {
        let mut snake = String::new();
        for c in name.chars() {
            snake.extend(c.is_uppercase().then_some('_'));
            snake.extend(c.to_lowercase());
        }
        // `map_err` speaks of an error that somebody else made.
        !name.ends_with("_err")
            && snake
                .split('_')
                .any(|word| self.0.contains(word) || self.0.contains(word.trim_end_matches('s')))
    }

    /// A value that is made to say no: `Err(..)`, `Some(Denial::Expired)`, `self.problem(..)`.
    pub(crate) fn says_no(&self, value: &Expr) -> bool {
        use Expr::{Call, Field, MethodCall, Path, Struct, Try};
        if !matches!(
            value,
            Call(_) | Field(_) | MethodCall(_) | Path(_) | Struct(_) | Try(_)
        ) {
            return false;
        }
        let text = value.to_token_stream().to_string();
        let made = text
            .trim_start_matches("Some")
            .trim_start_matches([' ', '(']);
        let head = made.split(['(', '{']).next().unwrap_or_default();
        head.split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|name| self.is_in(name))
    }

    /// A call that adds to what was found: `problems.push(..)`, `out.push(finding)`, `add(..)`.
    pub(crate) fn adds(&self, expr: &Expr) -> bool {
        let (name, to_list, args) = match expr {
            Expr::Call(call) => (call.func.to_token_stream().to_string(), true, &call.args),
            Expr::MethodCall(call) => (
                call.method.to_string(),
                self.says_no(&call.receiver),
                &call.args,
            ),
            _ => return false,
        };
        let adds = ADDS.iter().any(|adds| name.split('_').next() == Some(adds));
        adds && (to_list || args.iter().any(|arg| self.says_no(arg)))
    }

    /// Comes to or returns a value that says no, adds to what was found, or panics.
    pub(crate) fn refuses(&self, branch: &Expr) -> bool {
        let no = |value: &Expr| {
            let text = value.to_token_stream().to_string();
            text == "None" || text == "false" || self.says_no(value)
        };
        match branch {
            Expr::Return(ExprReturn {
                expr: Some(value), ..
            })
            | Expr::Break(ExprBreak {
                expr: Some(value), ..
            }) => no(value),
            Expr::Block(block) => self.block_refuses(&block.block),
            Expr::If(one) => one.else_branch.as_ref().is_some_and(|(_, other)| {
                self.block_refuses(&one.then_branch) && self.refuses(other)
            }),
            Expr::Match(cases) => cases.arms.iter().all(|arm| self.refuses(&arm.body)),
            Expr::Macro(call) => panics(&call.mac),
            other => no(other) || self.adds(other),
        }
    }

    pub(crate) fn block_refuses(&self, block: &Block) -> bool {
        block.stmts.iter().any(|stmt| match stmt {
            Stmt::Expr(expr @ (Expr::Return(_) | Expr::Break(_)), _) | Stmt::Expr(expr, None) => {
                self.refuses(expr)
            }
            Stmt::Expr(expr @ Expr::Try(_), _) => self.says_no(expr),
            Stmt::Expr(expr, _) => self.adds(expr),
            Stmt::Macro(call) => panics(&call.mac),
            _ => false,
        })
    }
}

fn panics(call: &Macro) -> bool {
    call.path.is_ident("panic") || call.path.is_ident("bail")
}
