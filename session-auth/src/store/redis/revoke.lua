-- KEYS: session, index. ARGV: id.
local ended = redis.call('DEL', KEYS[1])
redis.pcall('ZREM', KEYS[2], ARGV[1])
return ended
