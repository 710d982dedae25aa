-- Which task is to blame for a failure: errors are passed on along the edges of a canvas.
-- Parts    base canvas

-- What an error says of the one that it was passed on from; nil where it was not.
local function blamed_in(body)
  if body and string.sub(body, 1, 21) == '\0{"type":"Dependency"' then
    return cjson.decode(string.sub(body, 2))
  end
end

-- What a member failed of: the record, index and size of the one that failed by itself, whether it
-- was given a ChordError for that, and whether it did not fail by itself.
local function cause_of(rid, i)
  local found = redis.call('HMGET', record_key(rid), 'e' .. i, 'n')
  local body = blamed_in(found[1])
  if body then
    return body.rid, body.i, body.n, body.chord, true
  end
  return rid, i, tonumber(found[2]), false, false
end

-- Whether a chain passed a failure on to a member: its errbacks are not told. The failure of what
-- it was replaced by, or of the header it is the body of, is the member's `own`.
local function was_passed_on(rid, i)
  local body = blamed_in(redis.call('HGET', record_key(rid), 'e' .. i))
  return body and not body.own
end

-- Written by hand, so that `type` comes first: cjson keeps no order.
local function dependency(kind, rid, i, is_own)
  local cause, at, n, was_chord = cause_of(rid, i)
  local id = n == 1 and cause or cause .. '-' .. at
  local is_body = kind == 'h'
  local chord = (is_body or was_chord) and 'true' or 'false'
  local form = '\0{"type":"Dependency","of":"%s","rid":"%s","i":%d,"n":%d,"chord":%s%s}'
  local own = (is_body or is_own) and ',"own":true' or ''
  return string.format(form, id, cause, at, n, chord, own)
end
