//! What every kind of store does alike: one suite, run over each.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod alike;
mod bench;
mod deletions;
mod distribution;
mod durable;
mod histories;
mod membership;
mod procedures;

/// Makes a test of each scenario for each kind of store.
macro_rules! over_every_store {
    ($($scenario:ident)*) => {
        mod memory {
            $(#[tokio::test]
            async fn $scenario() {
                super::$scenario::<super::super::bench::InMemory>().await;
            })*
        }
        mod sqlite {
            $(#[tokio::test]
            async fn $scenario() {
                super::$scenario::<super::super::bench::InSqlite>().await;
            })*
        }
    };
}
pub(super) use over_every_store;
