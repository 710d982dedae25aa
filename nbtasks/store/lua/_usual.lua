-- What a record does not say of itself, as most are alike; and what its header says of its code.
-- Parts    base

local DELIVERIES = '3' -- of a record that does not say `cap`
local KEPT = '86400000' -- ms, of one that does not say `keep`
local QUEUE = 'default' -- of one that does not say `q`

-- The name of a record's code, and the Python that alone can load it or ''. In its header they are
-- behind the name of its task, before all that users say (record.py).
local function code_of(header)
  header = header or ''
  local code, rest = string.match(header, '"code":"([^"]*)"()')
  return code or '', rest and string.match(header, '^,"py":"([^"]*)"', rest) or ''
end
