-- ARGV: subject, the id to spare or nothing, seconds to keep the generation.
local generation = tonumber(redis.call('HGET', key, 'generation') or '0')
if not generation then
    return redis.error_reply('ERR the generation is not an integer')
end
local spared, ended = {}, 0
local id = present(ARGV[2])
for _, session in ipairs(sessions()) do
    if session[1] ~= id then
        ended = ended + 1
    else
        spared = session
        local parsed = parse(session[2])
        local before = parsed and redis.call('HGET', key, parsed.previous)
        if before then
            table.insert(spared, parsed.previous)
            table.insert(spared, before)
        end
    end
end
local added = redis.call('HGET', key, 'added') or '0'
local left = tonumber(ARGV[3])
if #spared > 0 then
    left = math.max(left, redis.call('TTL', key))
end
-- One write, however many there are.
redis.call('UNLINK', key)
redis.call('HSET', key, 'subject', ARGV[1], 'generation', generation + 1, 'added', added, unpack(spared))
redis.call('EXPIRE', key, left)
return ended
