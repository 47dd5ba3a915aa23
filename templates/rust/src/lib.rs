//! {{name}}: a compute core for distcomp. It adds up the numbers of its input, one on each line.

use std::panic::catch_unwind;

const API_VERSION: i32 = 1;

/// The work: the output for one input. An error is printed, and the job has failed; so is a panic.
fn compute(input: &[u8]) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(input).map_err(|error| error.to_string())?;
    let mut sum = 0.0;
    for (index, line) in text.lines().enumerate() {
        let number: f64 = line
            .parse()
            .map_err(|_| format!("line {}: {line:?} is not a number", index + 1))?;
        sum += number;
    }
    Ok(format!("{sum:.3}\n").into_bytes())
}

/// Called once. Open files and devices here. Anything but 0: this core cannot work here.
#[no_mangle]
pub extern "C" fn worker_init(version: i32) -> i32 {
    i32::from(version != API_VERSION)
}

/// Called for each job. Anything but 0: the job has failed.
///
/// # Safety
/// `data` points to `size` bytes, `outsize` and `outdata` to where the output is to be noted.
#[no_mangle]
pub unsafe extern "C" fn worker_run_job(
    size: u64,
    data: *const u8,
    outsize: *mut u64,
    outdata: *mut *mut u8,
) -> i32 {
    let input = std::slice::from_raw_parts(data, size as usize);
    // A panic must not leave this function: that would abort the process, and the jobs behind this one wait.
    match catch_unwind(|| compute(input)) {
        Ok(Ok(output)) => {
            let output = Box::leak(output.into_boxed_slice());
            *outsize = output.len() as u64;
            *outdata = output.as_mut_ptr();
            0
        }
        Ok(Err(message)) => {
            eprintln!("{message}");
            1
        }
        Err(_) => 1, // the panic hook has printed what it was
    }
}

/// Called after each job, with what `worker_run_job` has stored: null and 0 if that was nothing.
///
/// # Safety
/// `outdata` is null or the output of the last job, `size` its size.
#[no_mangle]
pub unsafe extern "C" fn worker_free_outdata(size: u64, outdata: *mut u8) {
    if !outdata.is_null() {
        drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(
            outdata,
            size as usize,
        )));
    }
}
