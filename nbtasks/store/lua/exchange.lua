-- exchange: a worker hands in what it has done and takes what it has room for, in one step.
--
-- Parts  limit settle suspects lost lease open take popped taken timers turn_in back replaced
-- KEYS[1]  prefix
-- ARGV     1 worker · 2 free slots · 3 time budget of a slot, us · 4 guess of a member's time, us
--          5 most members a slot · 6 lease, ms · 7 token of this take · 8 Python tag
--          9 letters: s it may take a suspect, n it heeds no rates
--          10 id of this hand-in, '' where a second does no harm · 11 number of queues, then their
--          names · then chunks, each:
--            'f' lease, is last, record, from, states, us a member, a body for each state
--            'r' lease, is last, record, index, delay ms, error (JSON)       try again later
--            'b' lease, is last, record, from, to, us a member or 0   not begun: back as it was
--            'd' lease, is last, record, index, reason                    its process died
--            'w' lease, is last, record, index, arguments, sources        it was replaced
--          A chunk whose lease is no longer held is dropped; `is last` 1 ends the lease.
-- Returns  {ms until something is due or -1, chunks dropped, 1 if something is left in the queues,
--           {slot, lease, record, from, header, code hash, members of the record, retries of the
--            first, 1 if it is a suspect or 2 if it was lost before, 0 or its inputs, 0 or what
--            its members have kept, argument..} for each slice taken}

go_on_when_full()
local worker, queues, at = ARGV[1], {}, 12 + tonumber(ARGV[11])
for i = 12, at - 1 do
  queues[#queues + 1] = ARGV[i]
end

local dropped = 0
if seen_before('in:' .. worker, ARGV[10]) then
  at = #ARGV + 1 -- its reply was lost
end
while at <= #ARGV do
  local kind, lease, is_last, rid, from = unpack(ARGV, at, at + 4)
  at = at + 5
  local held = is_leased(lease)
  if is_last == '1' then
    drop_lease(lease)
  end
  dropped = dropped + (held and 0 or 1)
  -- A revoked record may be forgotten while its member still runs: nothing may make it again.
  held = held and redis.call('EXISTS', record_key(rid)) == 1
  at = TURN_IN[kind](held, rid, tonumber(from), at, worker)
end

local lease_ms, slots, reply = tonumber(ARGV[6]), tonumber(ARGV[2]), { 0, dropped, 0 }
promote_due()
spread_left_over()
local deadline = recover_lost(lease_ms)
queues = open_queues(queues)
local names = slots > 0 and likely_sources(queues, ARGV[8], string.find(ARGV[9], 's') ~= nil)
for slot = 1, slots do
  names = names and fill(slot, queues, names, reply)
end
reply[3] = pass_wake_on(queues, ARGV[8], slots > 0)
flush_events()
-- What was taken now may be the next to run out.
local soonest = math.min(next_due(), deadline or NEVER, reply[4] and NOW + lease_ms or NEVER)
reply[1] = soonest < NEVER and math.max(0, soonest - NOW) or -1
return reply
