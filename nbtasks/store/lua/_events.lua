-- Events: one stream a client, at most one entry a script call and client (more only when it is
-- very long). An entry is one flat list of items; each begins with its kind and its number of
-- fields.
-- Parts    monitor

local INLINE = 4096 -- bytes: larger values are fetched when asked for
local BACKLOG = 1000 -- entries a client may be behind before values are no longer sent along
local MAX_ENTRIES = 10000

local outbox = {}

local function send(client, fields)
  local key = PREFIX .. 'ev:' .. client
  if #fields % 2 == 1 then
    fields[#fields + 1] = ''
  end
  redis.call('XADD', key, 'MAXLEN', '~', MAX_ENTRIES, '*', unpack(fields))
  redis.call('PEXPIRE', key, DAY)
end

-- Add an item for every client that follows the record. `clients` is the record's field c: names
-- with spaces between.
local function emit(clients, kind, fields)
  for client in string.gmatch(clients or '', '%S+') do
    local box = outbox[client]
    if box and #box + #fields > MAX_FIELDS then
      send(client, box)
      box = nil
    end
    if not box then
      box = {}
      outbox[client] = box
    end
    box[#box + 1] = kind
    box[#box + 1] = #fields
    for i = 1, #fields do
      box[#box + 1] = fields[i]
    end
  end
end

local function flush_events()
  for client, box in pairs(outbox) do
    send(client, box)
  end
  flush_monitor()
end

-- How large a value may be to ride in an event for this client.
local function inline_limit(clients)
  local client = string.match(clients or '', '%S+')
  if client and redis.call('XLEN', PREFIX .. 'ev:' .. client) < BACKLOG then
    return INLINE
  end
  return 0
end
