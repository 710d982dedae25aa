-- look: what is stored of some records.
--
-- Parts    base usual
-- KEYS[1]  prefix
-- ARGV     records
-- Returns  a letter for each: n not stored · i in part · c whole, but not its code · e every
--          member has ended · w whole

local codes, letters = {}, {}

local function has_code(hash)
  if codes[hash] == nil then
    codes[hash] = redis.call('EXISTS', PREFIX .. 'fn:' .. hash) == 1
  end
  return codes[hash]
end

for at = 1, #ARGV do
  local found = redis.call('HMGET', record_key(ARGV[at]), 'up', 'n', 'left', 'h', 'hold')
  local letter = 'w'
  if not found[2] then
    letter = 'n'
  elseif (found[1] and found[1] ~= found[2]) or found[5] then
    letter = 'i'
  elseif found[3] == '0' then
    letter = 'e'
  elseif not has_code(code_of(found[4])) then
    letter = 'c'
  end
  letters[at] = letter
end
return table.concat(letters)
