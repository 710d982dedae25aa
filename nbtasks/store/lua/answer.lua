-- answer: a worker says to clients what has become of their orders.
--
-- Parts    events
-- KEYS[1]  prefix
-- ARGV     for each: client, question, signed JSON
-- Returns  how many

go_on_when_full()
for at = 1, #ARGV, 3 do
  emit(ARGV[at], 'k', { '', 0, ARGV[at + 1], ARGV[at + 2] })
end
flush_events()
return #ARGV / 3
