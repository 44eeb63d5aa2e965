//! `pinfold`: see `pinfold --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pinfold_proxy::run(std::env::args_os()).into()
}
