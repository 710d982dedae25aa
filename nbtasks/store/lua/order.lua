-- order: tells workers what to do, each something of its own. They obey at once, and answer with
-- an event (answer.lua).
--
-- Parts    base ask
-- KEYS[1]  prefix
-- ARGV     for each: worker, order (orders.py)
-- Returns  how many

for at = 1, #ARGV, 2 do
  ask(ARGV[at], ARGV[at + 1])
end
return #ARGV / 2
