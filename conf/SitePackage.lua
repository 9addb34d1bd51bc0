--------------------------------------------------------------------------
-- Report every module load to syslog: one line per loaded module, after a
-- `module` command that ended without an error. Lmod 8.6 and newer.
--
-- Where it goes: a directory of its own on every node, for instance
--    /etc/lmod/site/SitePackage.lua
-- and before Lmod starts (/etc/profile.d) point to that directory:
--    export LMOD_PACKAGE_PATH=/etc/lmod/site
-- `module --config` must then name that directory as "Site Pkg location".
--
-- A site that has a SitePackage.lua already copies this file beside it as
-- module_usage_tracking.lua and ends its own file with the line
--    require("module_usage_tracking")
-- A load hook registered before that line goes on working.
--
-- What to change: nothing, or the settings below. They are read from this
-- file only, never from a user's environment.
--
-- The line (values that need it are in double quotes; jobid only in a job):
--    user=ann module=gcc/13.2 path=/apps/gcc/13.2.lua host=login1.big.edu
--    time=1767225600.123456 userload=yes jobid=4711
-- userload=yes: the user asked for this module. userload=no: it came along,
-- as a dependency, at login, or because MODULEPATH changed.
--------------------------------------------------------------------------

require("strict")

-- Settings --------------------------------------------------------------

-- How messages leave: "syslog" (the library), "logger" (the program), or
-- "auto": the library where luaposix has it, else the program.
local transport   = "auto"

-- Send straight to this machine by UDP, with the program `logger`, instead
-- of to the node's own syslog. A host name or an address; "" for none.
local server_host = ""
local server_port = 514

-- The name that tells these messages from others in every syslog rule.
local tag         = "ModuleUsageTracking"

-- Limits ----------------------------------------------------------------

-- rsyslog takes lines of 8,192 bytes, header included: the greatest values,
-- with their names, make a message that is within 8,000.
local max_message_bytes = 8000
local max_value_bytes   = { user = 256, module = 1024, path = 5120, host = 512, jobid = 512 }

-- logger cuts messages at 1,024 bytes unless it is told a size, which the
-- old ones do not know: it is told only when it must be.
local logger_default_bytes = 1000

-- LOG_LOCAL0 + LOG_INFO, the same numbers on every Unix.
local local0_info = 128 + 6

--------------------------------------------------------------------------

local posix = require("posix")

-- Call a function that may be absent or fail.
-- @return what it returns, or nil
local function try(func, ...)
   local ok, value = pcall(func, ...)
   if (ok) then return value end
   return nil
end

local function is_text(value)
   return type(value) == "string" and value ~= ""
end

-- Formatting ------------------------------------------------------------

local function escape_byte(byte)
   return string.format("\\x%02x", string.byte(byte))
end

-- Escape what would end the quotes or the line.
local function escape(text)
   return (text:gsub('[\\"]', "\\%0"):gsub("[%c]", escape_byte))
end

-- Escape a text, but no more of it than fits.
local function escape_bounded(text, max_bytes)
   if (#text > max_bytes) then text = text:sub(1, max_bytes) end
   local escaped = escape(text)
   while (#escaped > max_bytes) do
      text    = text:sub(1, #text - math.ceil((#escaped - max_bytes) / 4))
      escaped = escape(text)
   end
   return escaped
end

-- Write a value as it stands if it is plain, else in double quotes.
local function format_value(value, max_bytes)
   local text = tostring(value)
   if (text:find("^[A-Za-z0-9._/+:@,~%%#=-]+$") and #text <= max_bytes) then return text end
   return '"' .. escape_bounded(text, max_bytes - 2) .. '"'
end

local function field(name, value)
   return name .. "=" .. format_value(value, max_value_bytes[name])
end

local function format_message(load, common)
   local fields = { field("user", common.user), field("module", load.module),
                    field("path", load.path), field("host", common.host),
                    string.format("time=%.6f", load.time), "userload=" .. load.userload }
   if (common.jobid) then fields[#fields+1] = field("jobid", common.jobid) end
   return table.concat(fields, " ")
end

-- Who, where ------------------------------------------------------------

local function real_user_id()
   return try(posix.getuid) or try(posix.getpid, "uid")
end

-- The owner of this process by the password database; $USER can be anything.
local function user_name()
   local uid   = real_user_id()
   local entry = uid and try(posix.getpwuid, uid)
   local name  = entry and try(function() return entry.pw_name end)
   if (not is_text(name)) then name = uid and try(posix.getpasswd, uid, "name") end
   if (not is_text(name)) then name = os.getenv("USER") end
   return is_text(name) and name or nil
end

local function node_name()
   local name = try(posix.uname, "%n")
   if (is_text(name)) then return name end
   local system = try(function() return require("posix.sys.utsname").uname() end)
   return system and system.nodename or nil
end

local function host_name()
   local syshost = try(function()
      return require("Cosmic"):singleton():value("LMOD_SYSHOST")
   end)
   return is_text(syshost) and syshost or node_name() or "unknown"
end

local function job_id()
   for _, name in ipairs{"SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID"} do
      local value = os.getenv(name)
      if (is_text(value)) then return value end
   end
   return nil
end

local function now()
   return try(rawget(_G, "epoch")) or os.time()
end

-- What was loaded -------------------------------------------------------

-- Lmod 8.7 asks the name object, 8.6 the tables of the .modulerc files.
local function is_visible(t)
   local mname = t.mname
   if (type(mname.isVisible) == "function") then return mname:isVisible() end
   local mrc = require("MRC"):singleton()
   return mrc:isVisible{fullName = t.modFullName, sn = mname:sn(), fn = t.fn}
end

-- The options and arguments of the command line; Lmod 8.7 renamed the table.
local function command_line()
   return try(rawget(_G, "optionTbl")) or try(rawget(_G, "masterTbl")) or {}
end

-- What an alias of a .modulerc file stands for.
local function resolve_alias(name)
   local resolved = try(function()
      local module_path = require("FrameStk"):singleton():mt():modulePathA()
      return require("MRC"):singleton():resolve(module_path, name)
   end)
   return is_text(resolved) and resolved or name
end

-- Is `name` the short name (gcc), the full name or a part of it at a joint
-- (gcc/13 of gcc/13.2)?
local function names_module(name, short_name, full_name)
   if (name == short_name or name == full_name) then return true end
   if (name:sub(1, #short_name + 1) ~= short_name .. "/") then return false end
   return full_name:sub(1, #name) == name
          and full_name:sub(#name + 1, #name + 1):find("^[/._-]") ~= nil
end

-- Does this word of the command line ask for that module?
local function asks_for(word, t)
   local name = word:gsub("^%+", ""):gsub("/+$", ""):gsub("%.lua$", "")
   if (name == t.mname:userName()) then return true end
   if (name == try(t.mname.origUserName, t.mname)) then return true end
   local short_name = t.mname:sn()
   return names_module(name, short_name, t.modFullName)
          or names_module(resolve_alias(name), short_name, t.modFullName)
end

-- A collection of the user holds what was loaded by hand and, at a greater
-- depth, what that brought along.
local function is_from_collection(t)
   local controller = rawget(_G, "mcp")
   local name       = controller and try(controller.name, controller)
   return name == "MC_MgrLoad" and try(t.mname.stackDepth, t.mname) == 0
end

-- @return "yes" if the user asked for the module, else "no"
local function user_load(t)
   local options = command_line()
   if (options.initial) then return "no" end
   if (is_from_collection(t)) then return "yes" end
   if (type(options.pargs) ~= "table") then
      return require("FrameStk"):singleton():atTop() and "yes" or "no"
   end
   for _, word in ipairs(options.pargs) do
      if (asks_for(word, t)) then return "yes" end
   end
   return "no"
end

local loads          = {}   -- in the order of loading
local load_by_module = {}   -- one message per module and command

local function remember_load(t)
   if (mode() ~= "load" or not is_visible(t)) then return end
   local load = load_by_module[t.modFullName]
   if (not load) then
      load                          = { module = t.modFullName, userload = "no" }
      load_by_module[t.modFullName] = load
      loads[#loads+1]               = load
   end
   load.path = t.fn
   load.time = now()
   if (load.userload == "no") then load.userload = try(user_load, t) or "no" end
end

-- Sending ---------------------------------------------------------------

-- luaposix has these functions in a table of their own or, when it is old
-- or made compatible with the old, directly in posix.
local function syslog_functions()
   local library = posix.syslog
   if (type(library) == "table") then return library.openlog, library.syslog, library.closelog end
   return posix.openlog, library, posix.closelog
end

local function send_by_syslog(messages)
   local openlog, syslog, closelog = syslog_functions()
   openlog(tag)
   for _, message in ipairs(messages) do
      syslog(local0_info, message)
   end
   closelog()
end

-- Make one word of any text, whatever it holds, for a POSIX shell.
local function shell_quote(text)
   return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function is_host(text)
   return is_text(text) and #text < 256 and text:find("^[A-Za-z0-9][A-Za-z0-9.:_-]*$") ~= nil
end

local function is_port(number)
   return type(number) == "number" and number % 1 == 0 and number >= 1 and number <= 65535
end

local function has_server()
   return is_host(server_host) and is_port(server_port)
end

local function logger_program()
   for _, path in ipairs{"/usr/bin/logger", "/bin/logger"} do
      if (try(posix.access, path, "x")) then return path end
   end
   return "logger"
end

-- The command for one message. All of it is constant, or checked to be a
-- host name or a number, except the message, and that is one quoted word.
local function logger_command(message)
   local words = { logger_program(), "-t", shell_quote(tag), "-p", "local0.info" }
   if (has_server()) then
      words[#words+1] = string.format("-d -n %s -P %d", shell_quote(server_host), server_port)
   end
   if (#message > logger_default_bytes) then
      words[#words+1] = string.format("-S %d", max_message_bytes)
   end
   words[#words+1] = "-- " .. shell_quote(message)
   return table.concat(words, " ") .. " </dev/null >/dev/null 2>&1"
end

local function send_by_logger(messages)
   for _, message in ipairs(messages) do
      os.execute(logger_command(message))
   end
end

local function sender()
   if (transport == "logger" or has_server()) then return send_by_logger end
   if (transport == "auto" and not posix.syslog) then return send_by_logger end
   return send_by_syslog
end

local function report_loads()
   local common = { user = user_name(), host = host_name(), jobid = job_id() }
   if (#loads == 0 or not common.user) then return end
   local messages = {}
   for _, load in ipairs(loads) do
      messages[#messages+1] = format_message(load, common)
   end
   loads, load_by_module = {}, {}
   sender()(messages)
end

-- Registration ----------------------------------------------------------

-- Lmod 8.6 keeps one function per hook, and a second registration replaces
-- the first; newer ones keep a list, to which "append" adds.
local function registered_load_hook(hook)
   for index = 1, 8 do
      local name, value = debug.getupvalue(hook.register, index)
      if (name == "validT" and type(value) == "table") then
         return type(value.load) == "function" and value.load or nil
      end
   end
   return nil
end

-- Nothing in here may ever break a user's `module` command.
local function register()
   local hook     = require("Hook")
   local previous = try(registered_load_hook, hook)
   local function load_hook(t)
      pcall(remember_load, t)
      if (previous) then return previous(t) end
   end
   hook.register("load", load_hook, "append")
   ExitHookA.register(function() pcall(report_loads) end)
end

pcall(register)
