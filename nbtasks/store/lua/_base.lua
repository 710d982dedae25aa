-- What every script starts with. KEYS[1] is the app's prefix `nbt:{app}:`; every key is built from
-- it, so that all of an app lives in one slot of a cluster. Times are Redis' own, in ms since 1970.
-- Members are counted from 0, ranges [from, to) leave out their end.
local PREFIX = KEYS[1]
local TIME = redis.call('TIME')
local NOW = TIME[1] * 1000 + math.floor(TIME[2] / 1000)
local DAY = 86400000
local NEVER = 1e15
local WAKE_TTL = 3600000
local OWNER = 12 -- first characters of a token: which process of a worker took it

-- One state byte a member (states.py); lower case is unfinished.
local PENDING, WAITING, STARTED, RETRY = 'p', 'w', 's', 'r'
local SUCCESS, FAILURE, REVOKED, IGNORED = 'S', 'F', 'R', 'I'
local FIRST_UNFINISHED = 97
local LATER = {} -- functions that others above them need

local function record_key(rid)
  return PREFIX .. 'r:' .. rid
end

local function states_key(rid)
  return PREFIX .. 's:' .. rid
end

local function slice_name(rid, from, to)
  return rid .. ':' .. from .. ':' .. to
end

-- 'rid:from:to' or 'rid:from:to:token' -> rid, from, to
local function parse_slice(name)
  local rid, from, to = string.match(name, '^(.-):(%d+):(%d+)$')
  return rid, tonumber(from), tonumber(to)
end

-- Whether a sender's last message had this id; '' is none. A lost reply makes it come again.
local function seen_before(name, id)
  if id == '' then
    return false
  end
  if redis.call('GET', PREFIX .. name) == id then
    return true
  end
  redis.call('SET', PREFIX .. name, id, 'PX', DAY)
end

local function is_leased(lease)
  return redis.call('ZSCORE', PREFIX .. 'lease', lease)
end

-- A body that the store writes itself: never signed, never unpickled (signing.SYSTEM).
local function system_body(fields)
  return '\0' .. cjson.encode(fields)
end

-- At maxmemory Redis refuses the first write of a script that may need memory, and none after it:
-- this one needs none, so all that comes after it is carried out.
local function go_on_when_full()
  redis.call('UNLINK', PREFIX .. 'nothing')
end
