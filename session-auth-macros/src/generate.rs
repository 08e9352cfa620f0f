//! The third step: from what was found good to Rust.
//!
//! The output names everything by its absolute path, since a user may have a type `Option` or a
//! module `core` of their own. Its tokens carry the attribute's span, so that lints hold the user
//! to what they wrote and to nothing of this.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{GenericParam, LitStr, ReturnType};

use crate::access::{Access, Class, Target, Terms};
use crate::handler::{Argument, Handler};
use crate::values::Day;

/// The function with its class in its type.
///
/// With `None` for the access, whose arguments were wrong, the function still has a class, so that
/// nothing that mounts it is in error as well; but nothing is registered.
pub(crate) fn handler(
    access: Option<&Access>,
    handler: &Handler,
    krate: &syn::Path,
) -> TokenStream {
    let Handler {
        outer_attrs,
        inner_attrs,
        vis,
        fn_token,
        ident,
        generics,
        inputs,
        arguments,
        output,
        body,
    } = handler;
    let private = quote!(#krate::__private);
    let name = syn::ext::IdentExt::unraw(ident).to_string();
    let location = quote!(::core::concat!(::core::module_path!(), "::", #name));
    let registration = access.map(|_| registration(&location, &private));
    // Of the class that needs no terms.
    let nothing = Access {
        class: Class::Session,
        target: Target::Fallback { below: None },
        terms: Terms::default(),
    };
    let declaration = declaration(access.unwrap_or(&nothing), &location, &private);
    let returned = match output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => ty.to_token_stream(),
    };
    let where_clause = &generics.where_clause;
    let parameters = arguments
        .iter()
        .map(|Argument { cfgs, name, ty }| quote!(#(#cfgs)* #name: #ty));
    let passed = arguments
        .iter()
        .map(|Argument { cfgs, name, .. }| quote!(#(#cfgs)* #name));
    let turbofish = turbofish(generics.params.iter());
    // Of the same name, for `#[tracing::instrument]` and for recursion; of another span, so that an
    // unused function is reported once.
    let mut inner = ident.clone();
    inner.set_span(ident.span().resolved_at(Span::mixed_site()));
    // Clippy says it of the outer function. Not where there is nothing to say: under `forbid` an
    // `allow` is an error.
    let allow = (inputs.len() > 7).then(|| quote!(#[allow(clippy::too_many_arguments)]));
    let mut block = Group::new(
        Delimiter::Brace,
        quote! {
            #allow
            #(#inner_attrs)*
            async fn #inner #generics (#inputs) #output #where_clause #body

            let __future = #inner #turbofish (#(#passed),*);
            {
                enum __Access {}

                static __DECLARATION: #krate::Declaration = #declaration;

                impl #private::Declared for __Access {
                    fn declaration() -> &'static #krate::Declaration {
                        &__DECLARATION
                    }
                }

                #registration

                #krate::Classified::<__Access, _>::__new(__future)
            }
        },
    );
    // From `fn` to `}` in the user's source, or else no lint would say that the function is unused.
    block.set_span(body.span());
    quote! {
        #private::this_attribute_goes_on_a_free_function_so_move_it_out_of_the_impl_or_trait! {}

        #(#outer_attrs)*
        #vis #fn_token #ident #generics (
            #(#parameters),*
        ) -> #krate::Classified<
            impl #private::Declared,
            impl ::core::future::Future<Output = #returned>
        >
        #where_clause
        #block
    }
}

/// What `declare_route!` leaves: a declaration without a handler.
pub(crate) fn declared(access: &Access, krate: &syn::Path) -> TokenStream {
    let private = quote!(#krate::__private);
    // No handler of this crate's has it.
    let handler = quote!("");
    let declaration = declaration(access, &handler, &private);
    let registration = registration(&handler, &private);
    quote! {
        const _: () = {
            static __DECLARATION: #krate::Declaration = #declaration;

            #registration
        };
    }
}

/// What the program collects at its start, and what `route-audit` finds in the file that the linker
/// leaves: a text in one piece that says whose declaration it is.
fn registration(handler: &TokenStream, private: &TokenStream) -> TokenStream {
    let text = text("declaration", handler);
    quote! {
        #private::inventory::submit! {
            #private::Registration(
                &__DECLARATION,
                #text,
            )
        }
    }
}

/// The text by which `route-audit` finds something in what was built.
pub(crate) fn text(what: &str, name: &TokenStream) -> TokenStream {
    let start = format!("\u{1}session-auth {what}\u{1}");
    quote! {
        ::core::concat!(
            #start,
            ::core::env!("CARGO_PKG_NAME"), "\u{1}",
            #name, "\u{1}",
            ::core::file!(), ":", ::core::line!(), ":", ::core::column!(), "\u{2}",
        )
    }
}

fn declaration(access: &Access, handler: &TokenStream, private: &TokenStream) -> TokenStream {
    let Access {
        class,
        target,
        terms,
    } = access;
    let class = Ident::new(
        match class {
            Class::Public => "Public",
            Class::Webhook => "Webhook",
            Class::Session => "Session",
        },
        Span::call_site(),
    );
    let target = match target {
        Target::Route { methods, paths } => {
            let methods = methods_of(methods, private);
            quote!(#private::route(#methods, const { &[#(#private::path(#paths)),*] }))
        }
        Target::Glob { methods, glob } => {
            let methods = methods_of(methods, private);
            quote!(#private::glob(#methods, #glob))
        }
        Target::Subtree { path } => quote!(#private::subtree(#path)),
        Target::Fallback { below: None } => {
            quote!(#private::fallback(::core::option::Option::None))
        }
        Target::Fallback { below: Some(below) } => {
            quote!(#private::fallback(::core::option::Option::Some(#below)))
        }
    };
    let terms = terms_of(terms, private);
    let location = location(private);
    quote! {
        #private::declaration(
            #target,
            #private::AccessClass::#class,
            #terms,
            #handler,
            ::core::env!("CARGO_PKG_NAME"),
            #location,
        )
    }
}

fn methods_of(methods: &[Ident], private: &TokenStream) -> TokenStream {
    // The user's span would make a lint or an error of these theirs.
    let mut methods = methods
        .iter()
        .map(|method| Ident::new(&method.to_string(), Span::call_site()));
    let first = methods.next();
    quote!(#private::Methods::#first #(.or(#private::Methods::#methods))*)
}

/// Where the attribute or macro call stands.
pub(crate) fn location(private: &TokenStream) -> TokenStream {
    quote! {
        #private::location(::core::file!(), ::core::line!(), ::core::column!())
    }
}

fn terms_of(terms: &Terms, private: &TokenStream) -> TokenStream {
    let Terms {
        reason,
        verifier,
        by,
        scope,
        owner,
        until,
        expect_every,
        max_body,
        issues_session,
        optional_session,
        cross_origin,
    } = terms;
    let some = |value: TokenStream| quote!(::core::option::Option::Some(#value));
    let text = |value: &Option<LitStr>| value.as_ref().map(|text| some(text.to_token_stream()));
    let fields = [
        ("reason", text(reason)),
        ("verifier", text(verifier)),
        ("by", text(by)),
        ("scope", text(scope)),
        ("owner", text(owner)),
        (
            "until",
            until.map(|Day { year, month, day }| some(quote!(#private::date(#year, #month, #day)))),
        ),
        (
            "expect_every",
            expect_every.map(|seconds| some(quote!(#private::seconds(#seconds)))),
        ),
        (
            "max_body",
            max_body.map(|bytes| {
                let bytes = proc_macro2::Literal::u64_unsuffixed(bytes);
                some(quote!(#bytes))
            }),
        ),
        ("issues_session", issues_session.then(|| quote!(true))),
        ("optional_session", optional_session.then(|| quote!(true))),
        ("cross_origin", text(cross_origin)),
    ]
    .into_iter()
    .filter_map(|(name, value)| {
        let name = Ident::new(name, Span::call_site());
        value.map(|value| quote!(#name: #value,))
    });
    quote!(#private::Terms { #(#fields)* ..#private::Terms::NONE })
}

/// The type and constant parameters, passed on: those that no argument mentions cannot be inferred.
pub(crate) fn turbofish<'a>(params: impl Iterator<Item = &'a GenericParam>) -> Option<TokenStream> {
    let names: Vec<_> = params
        .filter_map(|param| match param {
            GenericParam::Lifetime(_) => None,
            GenericParam::Type(param) => Some(&param.ident),
            GenericParam::Const(param) => Some(&param.ident),
        })
        .collect();
    (!names.is_empty()).then(|| quote!(::<#(#names),*>))
}
