-- Limits of tasks: how many may begin now, by a rate, by how many run already, or none as the task
-- is paused. A limit has a name: its task's, or `<task>/<key>`. A record says it in `lim`: us from
-- one task to the next (0: no rate), most that run at a time (0: any number), name; where that ends
-- in / each member i has a key of its own, l<i>. What may not begin is parked (_parked.lua).
-- Parts    base slices grace said
-- Lazy     limits = bucket parked unpark begin gone
--          limit_at allow leave begin look release look_soon forget

-- A lease that counts for a limit says so, as its own end is what lets the next one begin.
local function drop_lease(lease)
  redis.call('ZREM', PREFIX .. 'lease', lease)
  if string.find(lease, '+', 1, true) then
    limits().release(lease)
  end
end

-- By every heartbeat: where Redis' clock was set back, nobody is to wait for times as they were.
local function watch_clock(lease_ms)
  local _, was_set_back = grace_left(lease_ms)
  if was_set_back then
    limits().look_soon()
  end
end
