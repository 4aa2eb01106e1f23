//! Chooses the switch of stacks: ours where there is one, corosensei's elsewhere and
//! under the address sanitizer, to which it announces each switch.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = |name: &str| env::var(format!("CARGO_CFG_{name}")).unwrap_or_default();
    let has = |name: &str, wanted: &str| target(name).split(',').any(|part| part == wanted);
    assert!(
        !has("SANITIZE", "safestack"),
        "fibers do not run with a second stack for each thread"
    );
    // No asm block can say yet that it changes r16 to r31.
    assert!(
        !has("TARGET_FEATURE", "apxf") && !has("TARGET_FEATURE", "egpr"),
        "fibers do not run with the registers of APX yet: turn the feature off"
    );
    let is_known = target("TARGET_ARCH") == "x86_64" && target("TARGET_POINTER_WIDTH") == "64";
    let is_address_sanitizer = has("SANITIZE", "address") || target("TARGET_ENV").ends_with("asan");
    if !is_known || is_address_sanitizer {
        println!("cargo::rustc-cfg=fiber_corosensei");
    }
}
