-- ask: a client wants to know where a member is that runs. All workers are asked, since a record
-- may name one that had it before; whoever has it answers, to this client, with its next report.
--
-- Parts    base ask
-- KEYS[1]  prefix
-- ARGV     1 record · 2 index · 3 client · 4 question
-- Returns  its state byte; '' where the record is not stored

local rid, i = ARGV[1], ARGV[2]
local state = redis.call('GETRANGE', states_key(rid), i, i)
if state == STARTED then
  local question = table.concat({ ARGV[4], ARGV[3], i, rid }, ' ')
  for _, worker in ipairs(redis.call('ZRANGEBYSCORE', PREFIX .. 'fleet', NOW, '+inf')) do
    ask(worker, question)
  end
end
return state
