//! Chooses the switch of stacks: under the address sanitizer corosensei's, which
//! announces each switch to it.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let sanitizers = env::var("CARGO_CFG_SANITIZE").unwrap_or_default();
    if sanitizers.split(',').any(|name| name == "address") {
        println!("cargo::rustc-cfg=fiber_corosensei");
    }
}
