%% The process benchmarks in Erlang: the same work as examples/c/{spawn_exit,ping_pong,ring,skynet}.c, timed inside.
%% processes:main([Name, Size...]) prints "NAME: NANOSECONDS ns" per operation, as the C guests do with --time.
-module(processes).
-export([main/1]).

main([Name | Sizes]) ->
    [report(Label, Time, Count) || {Label, Time, Count} <- run(Name, [list_to_integer(Size) || Size <- Sizes])],
    halt(0).

report(Label, Time, Count) ->
    io:format("~s: ~b ns~n", [Label, erlang:convert_time_unit(Time, native, nanosecond) div Count]).

timed(Work) ->
    Start = erlang:monotonic_time(),
    Result = Work(),
    {erlang:monotonic_time() - Start, Result}.

run("spawn_exit", [Rounds]) ->
    {Time, ok} = timed(fun() -> spawn_exit(Rounds) end),
    [{"spawn and exit", Time, Rounds}];
run("ping_pong", [Rounds]) ->
    Bounces = 2 * Rounds,
    Pong = spawn_link(fun() -> pong(Rounds) end),
    {Time, Bounces} = timed(fun() -> ping(Pong, Rounds, 0) end),
    [{"round trip", Time, Rounds}];
run("ring", [Processes, Laps]) ->
    Expected = Laps * Processes * (Processes + 1) div 2,
    Self = self(),
    {Building, First} = timed(fun() -> build_ring(Processes, Self) end),
    {Time, Expected} = timed(fun() -> laps(First, Laps, 0) end),
    [{"spawn", Building, Processes}, {"hop", Time, Laps * (Processes + 1)}];
run("skynet", [Leaves]) ->
    Expected = Leaves * (Leaves - 1) div 2,
    {Time, Expected} = timed(fun() -> subtree(0, Leaves) end),
    [{"total", Time, 1}, {"process", Time, inner_and_leaves(Leaves)}].

spawn_exit(0) -> ok;
spawn_exit(Left) ->
    {Pid, Monitor} = spawn_monitor(fun() -> ok end),
    receive {'DOWN', Monitor, process, Pid, normal} -> spawn_exit(Left - 1) end.

ping(_, 0, Bounces) -> Bounces;
ping(Pong, Left, Bounces) ->
    Pong ! {self(), Bounces + 1},
    receive {Pong, More} -> ping(Pong, Left - 1, More) end.

pong(0) -> ok;
pong(Left) ->
    receive {From, Bounces} -> From ! {self(), Bounces + 1}, pong(Left - 1) end.

build_ring(0, Next) -> Next;
build_ring(Number, Next) ->
    Pid = spawn_link(fun() -> receive {next, Neighbour} -> member(Number, Neighbour) end end),
    Pid ! {next, Next},
    build_ring(Number - 1, Pid).

member(Number, Next) ->
    receive {Sum, LapsLeft} ->
        Next ! {Sum + Number, LapsLeft},
        case LapsLeft of
            0 -> ok;
            _ -> member(Number, Next)
        end
    end.

laps(_, 0, Sum) -> Sum;
laps(First, Left, Sum) ->
    First ! {Sum, Left - 1},
    receive {More, _} -> laps(First, Left - 1, More) end.

subtree(First, 1) -> First;
subtree(First, Leaves) ->
    Share = Leaves div 10,
    [begin
         Pid = spawn(fun tree_node/0),
         Pid ! {self(), First + I * Share, Share}
     end || I <- lists:seq(0, 9)],
    lists:sum([receive Part when is_integer(Part) -> Part end || _ <- lists:seq(0, 9)]).

tree_node() ->
    receive {Parent, First, Leaves} -> Parent ! subtree(First, Leaves) end.

inner_and_leaves(1) -> 0;
inner_and_leaves(Leaves) -> Leaves + inner_and_leaves(Leaves div 10).
