-- The works of tests/bench/peers.sh as Lua's users write them: an actor is a table whose behavior
-- is a closure, and one queue serves them all. For Lua 5.4 and LuaJIT.
--
--   luajit works.lua ring 100000 100

local work = arg[1]
local size1, size2 = tonumber(arg[2]), tonumber(arg[3])

-- os.clock is the processor's time: nothing here waits.
local clock = os.clock

local function result(what, value) print(("RESULT %s %.6g"):format(what, value)) end

local targets, messages, head, tail = {}, {}, 1, 0

local function send(actor, message)
  tail = tail + 1
  targets[tail] = actor
  messages[tail] = message
end

local function create(behavior) return { behavior = behavior } end

local function run()
  while head <= tail do
    local actor, message = targets[head], messages[head]
    targets[head], messages[head] = nil, nil
    head = head + 1
    if head > tail then head, tail = 1, 0 end
    actor.behavior(actor, message)
  end
end

local function timed(f)
  local from = clock()
  f()
  return clock() - from
end

local function link(next)
  return function(_, n) send(next, n) end
end
local function gate(first)
  return function(_, n) if n > 1 then send(first, n - 1) end end
end
local function builder(left)
  return function(self, first)
    if left > 1 then
      local next = create(builder(left - 1))
      send(next, first)
      self.behavior = link(next)
    else
      self.behavior = gate(first)
    end
  end
end

local function fan_in(senders, n, sender)
  return timed(function()
    local count = 0
    local counter = create(function() count = count + 1 end)
    for _ = 1, senders do send(create(sender(counter)), n) end
    run()
    assert(count == senders * n)
  end)
end
local function burst(counter)
  return function(_, n) for i = 1, n do send(counter, i) end end
end
local function paced(counter)
  return function(self, n)
    if n > 0 then
      send(counter, n)
      send(self, n - 1)
    end
  end
end

local function resident_bytes()
  collectgarbage()
  collectgarbage()
  local file = assert(io.open("/proc/self/statm"))
  local pages = file:read("*l"):match("^%d+ (%d+)")
  file:close()
  return tonumber(pages) * 4096
end

local works = {}

function works.ring(actors, laps)
  local first = create(builder(actors))
  send(first, first)
  local built = timed(run)
  send(first, laps)
  local took = timed(run)
  result("ring_build_us", built / actors * 1e6)
  result("ring_hop_ns", took / actors / laps * 1e9)
end

function works.fanin(senders, n)
  result("fanin_burst_ns", fan_in(senders, n, burst) / senders / n * 1e9)
  result("fanin_paced_ns", fan_in(senders, n, paced) / senders / n * 1e9)
end

function works.create(actors, rounds)
  local count = 0
  local function once(owner)
    return function() count = count + (owner and 1 or 0) end
  end
  local times = {}
  for round = 1, rounds do
    times[round] = timed(function()
      local maker = create(function(self, n)
        for i = 1, n do send(create(once(self)), i) end
      end)
      send(maker, actors)
      run()
    end)
  end
  assert(count == actors * rounds)
  table.sort(times)
  result("create_ns", times[math.floor(rounds / 2) + 1] / actors * 1e9)
end

function works.idle(actors)
  local from = resident_bytes()
  local before
  local function idle(previous)
    return function() return previous end
  end
  for _ = 1, actors do before = create(idle(before)) end
  result("idle_bytes", (resident_bytes() - from) / actors)
  assert(before)
end

function works.fib(n)
  local function fib(k)
    if k < 2 then return k end
    return fib(k - 1) + fib(k - 2)
  end
  result("fib_ms", timed(function() fib(n) end) * 1e3)
end

function works.loop(n)
  result("loop_ms", timed(function()
    local sum = 0
    for i = 1, n do sum = sum + i end
    assert(sum == n * (n + 1) / 2)
  end) * 1e3)
end

function works.list(n)
  result("list_ms", timed(function()
    local list
    for i = n, 1, -1 do list = { head = i, tail = list } end
    local turned
    while list do
      turned = { head = list.head, tail = turned }
      list = list.tail
    end
    assert(turned.head == n)
  end) * 1e3)
end

works[work](size1, size2)
io.stdout:flush()
os.exit(0, false)
