-- commit: a canvas is stored whole. Its records stay, and what waits for nothing is queued.
--
-- Parts    commit
-- KEYS[1]  prefix
-- ARGV     1 root · 2 ms to keep it once all has ended · 3 the plan (JSON) · 4 records in all
--          5 most members that may wait in a queue, 0 any number · 6 number of queues (in the
--          first call) · 7 number of records to keep · then name and members of each queue · those
--          records · when all are kept, those that wait for none of the canvas, to be queued, and
--          before them those that wait for records submitted before
-- Returns  0 · -1 a record is not stored · -3 less the members that wait, when a queue is full

local done = commit(0)
flush_events()
return done
