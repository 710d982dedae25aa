-- exchange: a worker hands in what it has done and takes what it has room for, in one step.
--
-- KEYS[1]  prefix
-- ARGV     1 worker · 2 free slots · 3 time budget of a slot, us · 4 guess of a member's time, us
--          5 most members a slot · 6 lease, ms · 7 token of this take · 8 Python tag
--          9 number of queues, then their names · then chunks, each:
--            'f' lease, is last, record, from, states, us a member, a body for each state
--            'r' lease, is last, record, index, delay ms, error (JSON)       try again later
--            'b' lease, is last, record, from, to, us a member or 0   not begun: back as it was
--            'd' lease, is last, record, index, reason                    its process died
--          A chunk whose lease is no longer held is dropped; `is last` 1 ends the lease.
-- Returns  {ms until something is due or -1, chunks dropped, 1 if something is left in the queues,
--           {slot, lease, record, from, header, code hash, members of the record,
--            retries of the first, argument..} for each slice taken}

go_on_when_full()

local worker, queues, at = ARGV[1], {}, 10 + tonumber(ARGV[9])
for i = 10, at - 1 do
  queues[#queues + 1] = ARGV[i]
end

local dropped = 0
while at <= #ARGV do
  local kind, lease, is_last, rid, from = unpack(ARGV, at, at + 4)
  at = at + 5
  local held
  if is_last == '1' then
    held = redis.call('ZREM', PREFIX .. 'lease', lease) == 1
  else
    held = is_leased(lease)
  end
  if not held then
    dropped = dropped + 1
  end
  -- A revoked record may be forgotten while its member still runs: nothing may make it again.
  held = held and redis.call('EXISTS', record_key(rid)) == 1
  from = tonumber(from)
  at = TURN_IN[kind](held, rid, from, at, worker)
end

promote_due()
recover_lost()

local reply = { 0, dropped, 0 }
for slot = 1, tonumber(ARGV[2]) do
  if not fill(slot, queues, reply) then
    break
  end
end
reply[3] = pass_wake_on(queues, ARGV[8])
flush_events()
reply[1] = next_due()
return reply
