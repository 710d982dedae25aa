-- Keys of unique tasks: un:<digest> holds the record that has it, which says so in its field `un`.

local UNIQUE_TTL = 30 * DAY -- besides its delay: of a record that somebody has removed by hand

local function unique_key(digest)
  return PREFIX .. 'un:' .. digest
end

-- Who else has the key. `claim` is 'digest ms' or 'digest ms s'; with a `+` before it, it is sent
-- again after it was lost, and runs in any case.
local function holder_of(claim, rid)
  local digest = string.match(claim, '^(%x+)')
  local holder = digest and redis.call('GET', unique_key(digest))
  if holder and holder ~= rid and redis.call('EXISTS', record_key(holder)) == 1 then
    return holder
  end
end

-- Take the key, if there is one; returns what the record is to say.
local function claim_key(claim, rid, delay)
  local found, digest = string.match(claim, '^%+?((%x+) %d+ ?s?)$')
  if not found then
    return ''
  end
  redis.call('SET', unique_key(digest), rid, 'PX', delay + UNIQUE_TTL)
  return found
end

-- The record has ended: the key is free, at once or some ms later; with an `s` only a success
-- stands for others.
local function release_key(rid, claim, has_succeeded)
  local digest, ms, only = string.match(claim, '^(%x+) (%d+)( ?s?)$')
  local key = unique_key(digest or '')
  if redis.call('GET', key) ~= rid then
    return
  elseif ms == '0' or (only ~= '' and not has_succeeded) then
    redis.call('UNLINK', key)
  else
    redis.call('PEXPIRE', key, ms)
  end
end
