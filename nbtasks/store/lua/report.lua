-- report: what running members tell: that they run, how far they are, what they wrote. Counts only
-- with the lease; senders merge reports to about ten a second.
--
-- Parts    base events kept log
-- KEYS[1]  prefix
-- ARGV     1 worker · 2 id of this report, then items of five: kind, lease, record, index, data
--            's'  it has been running for a while      data: ms since it began, process
--            'p'  progress                             data: JSON
--            'k'  the answer to a question (ask.lua)     data: client, question, signed JSON
--            'c'  a checkpoint                         data: see _kept.lua
--            'y'  a part that it has yielded           data: likewise
--            'e'  an event of its own, for monitors    data: type, JSON
--            'o'  output                               data: one letter for the stream, then text
-- Returns  items dropped for want of the lease or of the record

go_on_when_full()
if seen_before('out:' .. ARGV[1], ARGV[2]) then
  return 0
end

local dropped, yielded = 0, {}
for at = 3, #ARGV, 5 do
  local kind, lease, rid, i, data = unpack(ARGV, at, at + 4)
  local key = record_key(rid)
  local clients = redis.call('HGET', key, 'c')
  if not clients or not is_leased(lease) then
    dropped = dropped + 1
  elseif kind == 's' then
    local ran, pid = string.match(data, '^(%d+)(.*)$')
    local began = NOW - tonumber(ran)
    redis.call('HSET', key, 'w' .. i, ARGV[1] .. ' ' .. began .. pid)
    emit(clients, 's', { rid, i, ARGV[1], began })
    tell('s', { rid, i, ARGV[1], began })
  elseif kind == 'p' then
    redis.call('HSET', key, 'p' .. i, data)
    emit(clients, 'p', { rid, i, data })
    tell('p', { rid, i, data })
  elseif kind == 'e' then
    tell('e', { rid, i, ARGV[1], string.match(data, '^(%S+) (.*)$') })
  elseif kind == 'k' then
    local client, question, answer = string.match(data, '^(%S+) (%S+) (.*)$')
    emit(client, 'k', { rid, i, question, answer })
  elseif kind == 'c' then
    keep_checkpoint(rid, i, data)
  elseif kind == 'y' then
    yielded[rid .. ' ' .. i] = { clients, { rid, i, keep_part(rid, i, data) } }
  else
    log(PREFIX .. 'o:' .. rid .. ':' .. i, data)
    emit(clients, 'o', { rid, i, data })
  end
end
for _, event in pairs(yielded) do
  emit(event[1], 'y', event[2])
end
flush_events()
return dropped
