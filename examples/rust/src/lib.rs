//! A counter as a process with typed requests, and a supervisor that starts it again when it crashes.
use lunatic::ap::handlers::{Message, Request};
use lunatic::ap::{AbstractProcess, Config, MessageHandler, ProcessRef, RequestHandler, State};
use lunatic::serializer::Bincode;
use lunatic::supervisor::{Supervisor, SupervisorConfig, SupervisorStrategy};
use lunatic::Process;
use serde::{Deserialize, Serialize};

/// Adds up what it is sent, and checks it: a negative number is a reason to crash.
pub struct Counter {
    total: i64,
}

#[derive(Serialize, Deserialize)]
pub struct Add(pub i64);
#[derive(Serialize, Deserialize)]
pub struct Total;

impl AbstractProcess for Counter {
    /// Who is told, at every start, how to reach the counter.
    type Arg = Process<ProcessRef<Counter>>;
    type State = Self;
    type Serializer = Bincode;
    type Handlers = (Message<Add>, Request<Total>);
    type StartupError = ();

    fn init(config: Config<Self>, owner: Self::Arg) -> Result<Self, ()> {
        owner.send(config.self_ref());
        Ok(Counter { total: 0 })
    }
}

impl MessageHandler<Add> for Counter {
    fn handle(mut state: State<Self>, Add(number): Add) {
        assert!(number >= 0, "{number} is less than nothing");
        state.total += number;
    }
}

impl RequestHandler<Total> for Counter {
    type Response = i64;

    fn handle(state: State<Self>, _: Total) -> i64 {
        state.total
    }
}

/// Keeps one counter running.
pub struct Keeper;

impl Supervisor for Keeper {
    type Arg = Process<ProcessRef<Counter>>;
    type Children = (Counter,);

    fn init(config: &mut SupervisorConfig<Self>, owner: Self::Arg) {
        config.set_strategy(SupervisorStrategy::OneForOne);
        config.set_args((owner,));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lunatic::{spawn_link, test, Mailbox};

    #[test]
    fn a_counter_adds(mailbox: Mailbox<ProcessRef<Counter>>) {
        let counter = Counter::start(mailbox.this()).unwrap();
        counter.send(Add(2));
        counter.send(Add(40));
        assert_eq!(counter.request(Total), 42);
    }

    #[test]
    fn a_crashed_counter_begins_anew(mailbox: Mailbox<ProcessRef<Counter>>) {
        let keeper = Keeper::link().start(mailbox.this()).unwrap();
        let first = mailbox.receive();
        first.send(Add(7));
        first.send(Add(-1));
        let second = mailbox.receive();
        assert_eq!(second.request(Total), 0);
        keeper.shutdown();
    }

    #[test]
    #[should_panic(expected = "less than nothing")]
    fn nothing_is_the_least() {
        let number = -1;
        assert!(number >= 0, "{number} is less than nothing");
    }

    #[test]
    #[should_panic]
    fn a_linked_failure_reaches_the_parent(mailbox: Mailbox<()>) {
        spawn_link!(|_mailbox: Mailbox<()>| panic!("the child fails"));
        mailbox.receive();
    }

    #[test]
    #[ignore]
    fn is_left_out() {
        panic!("only with --ignored");
    }
}
