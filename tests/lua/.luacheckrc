-- Exactly what a script may use inside Redis: anything else is an undefined name there too.
stds.redis = {
  read_globals = {
    -- of Lua 5.1
    "assert", "error", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawset",
    "select", "tonumber", "tostring", "type", "unpack", "xpcall", "getmetatable", "setmetatable",
    "math", "string", "table",
    os = { fields = { "clock" } },
    -- of Redis
    "ARGV", "KEYS", "bit", "cjson", "cmsgpack", "redis", "struct",
  },
}
std = "redis"
max_line_length = 100
codes = true
