-- leave: a worker goes.
--
-- Parts    monitor
-- KEYS[1]  prefix
-- ARGV     1 worker

go_on_when_full()
redis.call('ZREM', PREFIX .. 'fleet', ARGV[1])
redis.call('UNLINK', PREFIX .. 'w:' .. ARGV[1])
tell('w', { ARGV[1], 'offline' })
flush_monitor()
