//! Workers that report to their parent's mailbox, then a supervised counter that is made to crash.
//! Usage: counters [WORKERS]
use lunabeam_examples::{Add, Counter, Keeper, Total};
use lunatic::ap::ProcessRef;
use lunatic::supervisor::Supervisor;
use lunatic::{Mailbox, Process};
use serde::{Deserialize, Serialize};

/// What arrives in the main process.
#[derive(Serialize, Deserialize)]
enum News {
    Square(u64),
    Started(ProcessRef<Counter>),
}

/// Every worker is a process: it shares nothing, and the parent hears of it through a message.
fn squares(workers: u64, mailbox: &Mailbox<News>) -> u64 {
    for number in 1..=workers {
        Process::spawn_link((mailbox.this(), number), |(parent, number), _: Mailbox<()>| {
            parent.send(News::Square(number * number))
        });
    }
    (0..workers)
        .map(|_| match mailbox.receive() {
            News::Square(square) => square,
            News::Started(_) => panic!("no counter has been started"),
        })
        .sum()
}

/// Counters introduce themselves to a process that passes it on as news.
fn introductions(main: Process<News>) -> Process<ProcessRef<Counter>> {
    Process::spawn_link(main, |main, mailbox: Mailbox<ProcessRef<Counter>>| loop {
        main.send(News::Started(mailbox.receive()))
    })
}

fn next_counter(mailbox: &Mailbox<News>) -> ProcessRef<Counter> {
    match mailbox.receive() {
        News::Started(counter) => counter,
        News::Square(_) => panic!("the workers are done"),
    }
}

#[lunatic::main]
fn main(mailbox: Mailbox<News>) {
    let workers = std::env::args().nth(1).map_or(10, |text| text.parse().expect("a number of workers"));
    println!("sum of {workers} squares: {}", squares(workers, &mailbox));

    let keeper = Keeper::link().start(introductions(mailbox.this())).unwrap();
    let counter = next_counter(&mailbox);
    counter.send(Add(3));
    counter.send(Add(4));
    println!("counted: {}", counter.request(Total));
    counter.send(Add(-1));
    let counter = next_counter(&mailbox);
    println!("counted after a crash: {}", counter.request(Total));
    keeper.shutdown();
}
