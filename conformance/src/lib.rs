//! The suite that holds every executor to CONTRACT.md.
