//! {{name}}: a compute core for distcomp. It adds up the numbers of its input, one on each line.

const std = @import("std");

const api_version = 1;
const allocator = std.heap.c_allocator;

/// The work: the output for one input. An error is printed, and the job has failed.
fn compute(input: []const u8) ![]u8 {
    var sum: f64 = 0;
    var number: usize = 1;
    var lines = std.mem.splitScalar(u8, input, '\n');
    while (lines.next()) |line| : (number += 1) {
        if (line.len == 0 and lines.peek() == null) break; // behind the last line feed
        const text = if (std.mem.endsWith(u8, line, "\r")) line[0 .. line.len - 1] else line;
        sum += std.fmt.parseFloat(f64, text) catch |err| {
            std.debug.print("line {d}: \"{s}\" is not a number\n", .{ number, text });
            return err;
        };
    }
    return std.fmt.allocPrint(allocator, "{d:.3}\n", .{sum});
}

/// Called once. Open files and devices here. Anything but 0: this core cannot work here.
export fn worker_init(version: i32) i32 {
    return if (version == api_version) 0 else 1;
}

/// Called for each job. Anything but 0: the job has failed.
export fn worker_run_job(size: u64, data: [*]u8, outsize: *u64, outdata: *?[*]u8) i32 {
    const output = compute(data[0..size]) catch |err| {
        std.debug.print("error: {s}\n", .{@errorName(err)});
        return 1;
    };
    outsize.* = output.len;
    outdata.* = output.ptr;
    return 0;
}

/// Called after each job, with what worker_run_job has stored: null and 0 if that was nothing.
export fn worker_free_outdata(size: u64, outdata: ?[*]u8) void {
    if (outdata) |output| allocator.free(output[0..size]);
}

/// Zig cannot catch a panic: it ends the process, and distcomp says so. This prints what it was, without
/// looking for the source lines of a program that is not ours.
pub const panic = std.debug.FullPanic(printAndAbort);

fn printAndAbort(message: []const u8, _: ?usize) noreturn {
    std.debug.print("panic: {s}\n", .{message});
    std.process.abort();
}
