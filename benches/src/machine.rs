//! The machine: which CPUs a process may use, how much of them it used, and what
//! a table has to say about where it was made.

#![expect(unsafe_code, reason = "sched_setaffinity(2) and getrusage(2)")]

use std::fs;
use std::io;
use std::mem;
use std::process::Command;
use std::time::Duration;

/// Lets this thread, and those it will start, use the first `count` CPUs it may use.
///
/// # Errors
/// The system's.
pub fn pin_to_first(count: usize) -> io::Result<()> {
    // SAFETY: a set of CPUs is an array of bits, for which zeros are valid.
    let (mut may, mut wanted): (libc::cpu_set_t, libc::cpu_set_t) = unsafe { mem::zeroed() };
    let bytes = size_of::<libc::cpu_set_t>();
    // SAFETY: the set is writable and as large as it says.
    check(unsafe { libc::sched_getaffinity(0, bytes, &raw mut may) })?;
    let highest = 8 * bytes;
    // SAFETY: the index is within the set.
    let allowed = (0..highest).filter(|index| unsafe { libc::CPU_ISSET(*index, &may) });
    for index in allowed.take(count) {
        // SAFETY: the index is within the set.
        unsafe { libc::CPU_SET(index, &mut wanted) };
    }
    // SAFETY: the set is readable and as large as it says.
    check(unsafe { libc::sched_setaffinity(0, bytes, &raw const wanted) })
}

/// User and system time of this process so far, its kernel workers included.
///
/// # Errors
/// The system's.
pub fn cpu_time() -> io::Result<Duration> {
    // SAFETY: it is made of numbers, for which zeros are valid.
    let mut usage: libc::rusage = unsafe { mem::zeroed() };
    // SAFETY: the structure is writable.
    check(unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) })?;
    let of = |time: libc::timeval| {
        let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
        let micros = u64::try_from(time.tv_usec).unwrap_or_default();
        Duration::from_secs(seconds) + Duration::from_micros(micros)
    };
    Ok(of(usage.ru_utime) + of(usage.ru_stime))
}

fn check(answer: libc::c_int) -> io::Result<()> {
    if answer == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// What a reader has to know of the machine: names and values.
#[must_use]
pub fn description() -> Vec<(&'static str, String)> {
    let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu_information = file("/proc/cpuinfo");
    let model = cpu_information
        .lines()
        .find(|line| line.starts_with("model name"))
        .and_then(|line| line.split(": ").nth(1))
        .unwrap_or("unknown");
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let limits = file("/proc/self/limits");
    let memlock = limits.lines().find(|line| line.starts_with("Max locked"));
    let governor = file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    let or_unknown = |text: String| match text.trim() {
        "" => "unknown".to_owned(),
        known => known.to_owned(),
    };
    vec![
        ("kernel", or_unknown(file("/proc/sys/kernel/osrelease"))),
        ("CPU", format!("{model}, {cpus} usable")),
        ("governor", or_unknown(governor)),
        (
            "locked memory",
            or_unknown(memlock.unwrap_or_default().replace("  ", "")),
        ),
        ("load when it began", or_unknown(file("/proc/loadavg"))),
        ("compiler", or_unknown(output("rustc", &["--version"]))),
        (
            "revision",
            or_unknown(output("git", &["describe", "--always", "--dirty"])),
        ),
    ]
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).into(),
    )
}
