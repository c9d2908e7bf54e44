// The works of tests/bench/peers.sh as Node's users write them: an actor is an object whose
// behavior is a closure, and one queue serves them all.
//
//   node --expose-gc --max-old-space-size=8192 works.js ring 100000 100
'use strict';
const fs = require('fs');

const now = () => Number(process.hrtime.bigint());
const result = (what, value) => console.log(`RESULT ${what} ${Number(value.toPrecision(6))}`);

// Events come in rounds: those of one are run while the next one fills.
let targets = [], messages = [], size = 0;
let spareTargets = [], spareMessages = [];

function send(actor, message) {
  targets[size] = actor;
  messages[size] = message;
  size++;
}

class Actor {
  constructor(behavior) { this.behavior = behavior; }
}
const create = (behavior) => new Actor(behavior);

function run() {
  while (size > 0) {
    const t = targets, m = messages, n = size;
    targets = spareTargets;
    messages = spareMessages;
    size = 0;
    for (let i = 0; i < n; i++) {
      const actor = t[i], message = m[i];
      t[i] = null;
      m[i] = null;
      actor.behavior(actor, message);
    }
    spareTargets = t;
    spareMessages = m;
  }
}

function timed(f) {
  const from = now();
  f();
  return now() - from;
}

const link = (next) => (self, n) => send(next, n);
const gate = (first) => (self, n) => { if (n > 1) send(first, n - 1); };
const builder = (left) => (self, first) => {
  if (left > 1) {
    const next = create(builder(left - 1));
    send(next, first);
    self.behavior = link(next);
  } else {
    self.behavior = gate(first);
  }
};

function fanIn(senders, n, sender) {
  return timed(() => {
    let count = 0;
    const counter = create(() => { count++; });
    for (let i = 0; i < senders; i++) send(create(sender(counter)), n);
    run();
    if (count !== senders * n) throw new Error('lost messages');
  });
}
const burst = (counter) => (self, n) => { for (let i = 0; i < n; i++) send(counter, i); };
const paced = (counter) => (self, n) => {
  if (n > 0) {
    send(counter, n);
    send(self, n - 1);
  }
};

function residentBytes() {
  if (global.gc) global.gc();
  return Number(fs.readFileSync('/proc/self/statm', 'utf8').split(' ')[1]) * 4096;
}

function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

const works = {
  ring(actors, laps) {
    const first = create(builder(actors));
    send(first, first);
    const built = timed(run);
    send(first, laps);
    const took = timed(run);
    result('ring_build_us', built / actors / 1e3);
    result('ring_hop_ns', took / actors / laps);
  },
  fanin(senders, n) {
    result('fanin_burst_ns', fanIn(senders, n, burst) / senders / n);
    result('fanin_paced_ns', fanIn(senders, n, paced) / senders / n);
  },
  create(actors, rounds) {
    let count = 0;
    const once = (owner) => () => { if (owner) count++; };
    const times = [];
    for (let round = 0; round < rounds; round++) {
      times.push(timed(() => {
        send(create((self, n) => { for (let i = 0; i < n; i++) send(create(once(self)), i); }), actors);
        run();
      }));
    }
    if (count !== actors * rounds) throw new Error('lost actors');
    times.sort((a, b) => a - b);
    result('create_ns', times[Math.floor(rounds / 2)] / actors);
  },
  idle(actors) {
    const from = residentBytes();
    const idle = (before) => () => before;
    let last = null;
    for (let i = 0; i < actors; i++) last = create(idle(last));
    result('idle_bytes', (residentBytes() - from) / actors);
    if (!last) throw new Error('lost actors');
  },
  fib(n) { result('fib_ms', timed(() => fib(n)) / 1e6); },
  loop(n) {
    result('loop_ms', timed(() => {
      let sum = 0;
      for (let i = 1; i <= n; i++) sum += i;
      if (sum !== n * (n + 1) / 2) throw new Error('wrong sum');
    }) / 1e6);
  },
  list(n) {
    result('list_ms', timed(() => {
      let list = null;
      for (let i = n; i > 0; i--) list = { head: i, tail: list };
      let turned = null;
      for (; list; list = list.tail) turned = { head: list.head, tail: turned };
      if (turned.head !== n) throw new Error('wrong list');
    }) / 1e6);
  },
};

works[process.argv[2]](...process.argv.slice(3).map(Number));
process.exit(0);
