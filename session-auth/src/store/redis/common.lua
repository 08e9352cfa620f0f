-- Before each script. The time here is that of Redis, and decides nothing but when a key may go.

-- Lets a key live for so many seconds more, or longer if it does already.
local function extend(key, seconds)
    if redis.call('TTL', key) < seconds then
        redis.call('EXPIRE', key, seconds)
    end
end

-- Enters a session into its subject's index, and drops from there what has expired. An entry
-- outlives its session by a second or two, never the other way round: what is in no index cannot be
-- revoked with the others.
local function enter(index, key, id)
    local now = tonumber(redis.call('TIME')[1])
    local left = redis.call('TTL', key) + 2
    redis.call('ZADD', index, now + left, id)
    redis.call('ZREMRANGEBYSCORE', index, '-inf', '(' .. now)
    extend(index, left)
end

-- Writes a session of the fields from ARGV[first] on.
local function put(index, key, id, seconds, first)
    if redis.call('EXISTS', key) == 1 then
        redis.call('DEL', key)
    end
    redis.call('HSET', key, unpack(ARGV, first))
    redis.call('EXPIRE', key, seconds)
    enter(index, key, id)
end

-- Fails where the index is of another type, before anything is written.
local function check(index)
    redis.call('ZCARD', index)
end

-- Whether one time is after another: as text, since numbers are exact to 53 bits alone.
local function later(a, b)
    return #a > #b or (#a == #b and a > b)
end
