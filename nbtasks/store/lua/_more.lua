-- Fields of a record that most do without, as submit gets them (JSON): `g` and others of a canvas,
-- `lim` where it has a limit, and the keys l<i> that its members have that of.

local MORE = ARGV[16] == '' and {} or cjson.decode(ARGV[16])

-- The fields of a chunk behind the first: the keys that its members have limits of.
local function keys_of_limits()
  local fields = {}
  for name, value in pairs(MORE) do
    if string.find(name, '^l%d') then
      fields[#fields + 1] = name
      fields[#fields + 1] = value
    end
  end
  return fields
end

-- A canvas cannot take up a record of another one: that waits for other tasks, or has ended.
local function is_other_canvas(root)
  return MORE.g and MORE.g ~= root
end
