-- Run SitePackage.lua under stand-ins for what it asks of Lmod, in the shape of
-- Lmod 8.7: hooks in lists, optionTbl, name objects that know their visibility.
--
-- Usage: lua stub_lmod.lua SITEPACKAGE SHAPE MODULE...
--    SHAPE  how luaposix offers syslog: new, old, none, or broken
-- Prints what reaches syslog, or the shell commands that would run.

local site_package, shape = arg[1], arg[2]

local function say(...) print(table.concat({...}, " ")) end

local function broken() error("broken") end

local syslog_calls = {
   openlog  = function(ident) say("openlog", ident) end,
   syslog   = function(priority, text) say("syslog", priority, text) end,
   closelog = function() say("closelog") end,
}

local posix_shapes = {
   new    = { syslog = syslog_calls },
   old    = syslog_calls,
   none   = {},
   broken = { syslog = broken, openlog = broken, closelog = broken },
}

local posix = {
   uname  = function() return "node1" end,
   getuid = function() return 1000 end,
   access = function() return 0 end,
   getpwuid = function() return { pw_name = "ann" } end,
}
for name, value in pairs(posix_shapes[shape]) do posix[name] = value end

-- As in Lmod 8.7: without an action the new function replaces the others.
local load_hooks = { function() say("earlier hook") end }
local hook = {}
function hook.register(name, func, action)
   assert(name == "load")
   if (action ~= "append") then load_hooks = {} end
   load_hooks[#load_hooks+1] = func
end

local cosmic = { value = function() return false end }
local stubs  = {
   strict = true,
   posix  = posix,
   Hook   = hook,
   Cosmic = { singleton = function() return cosmic end },
}
for name, value in pairs(stubs) do
   package.preload[name] = function() return value end
end

local exit_hooks = {}
ExitHookA = { register = function(func) exit_hooks[#exit_hooks+1] = func end }

local unpack = table.unpack or unpack
local words  = { unpack(arg, 3) }
function optionTbl() return { pargs = words } end
function mode() return "load" end
function epoch() return 1767225600.125 end
os.execute = function(command) say("execute", command) end

dofile(site_package)

local function name_object(full_name)
   return {
      sn        = function() return (full_name:gsub("/[^/]*$", "")) end,
      userName  = function() return full_name end,
      isVisible = function() return not full_name:find("/%.") end,
   }
end

local function load(full_name)
   local t = { modFullName = full_name, fn = "/m/" .. full_name, mname = name_object(full_name) }
   for _, func in ipairs(load_hooks) do func(t) end
end

for _, word in ipairs(words) do load(word) end
load("dependency/1.0")
for _, func in ipairs(exit_hooks) do func() end
