//! What a program says to a person. Where nobody reads any more (`| head`), the words are lost and the program goes on: it
//! does to the end what it was told to do, and its exit status stays true. [`std::println!`] would end it with a panic.

/// As [`std::print!`], whoever reads.
#[macro_export]
macro_rules! out {
    ($($words:tt)*) => {{
        let _ = ::std::io::Write::write_fmt(&mut ::std::io::stdout().lock(), ::std::format_args!($($words)*));
    }};
}

/// As [`std::println!`], whoever reads.
#[macro_export]
macro_rules! outln {
    () => { $crate::out!("\n") };
    ($($words:tt)*) => { $crate::out!("{}\n", ::std::format_args!($($words)*)) };
}

/// As [`std::eprint!`], whoever reads.
#[macro_export]
macro_rules! err {
    ($($words:tt)*) => {{
        let _ = ::std::io::Write::write_fmt(&mut ::std::io::stderr().lock(), ::std::format_args!($($words)*));
    }};
}

/// As [`std::eprintln!`], whoever reads.
#[macro_export]
macro_rules! errln {
    () => { $crate::err!("\n") };
    ($($words:tt)*) => { $crate::err!("{}\n", ::std::format_args!($($words)*)) };
}
