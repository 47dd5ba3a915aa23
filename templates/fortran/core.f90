! {{name}}: a compute core for distcomp. It adds up the numbers of its input, one on each line.
!
! STOP, ERROR STOP and run-time errors end the process, which costs the job; distcomp shows their message. To
! fail with an exit code instead, give READ, WRITE, OPEN and ALLOCATE an IOSTAT or STAT, as below.

module core
  use, intrinsic :: iso_c_binding
  use, intrinsic :: iso_fortran_env, only: error_unit
  implicit none
  private
  public :: worker_init, worker_run_job, worker_free_outdata

  integer(c_int32_t), parameter :: api_version = 1

  ! The output of the last job. Calls never overlap, so that it needs no lock.
  character(kind=c_char, len=64), target, save :: answer

contains

  ! The work: writes the output into `answer`, and its length into `length`. Returns 0, or an exit code.
  integer(c_int32_t) function compute(input, length) result(exit_code)
    character(kind=c_char), intent(in) :: input(:)
    integer, intent(out) :: length
    character(len=:), allocatable :: line
    real(c_double) :: number, sum
    integer :: first, last, line_number, status

    sum = 0
    first = 1
    line_number = 1
    length = 0
    exit_code = 1
    do while (first <= size(input))
      last = first
      do while (last <= size(input))
        if (input(last) == c_new_line) exit
        last = last + 1
      end do
      line = transfer(input(first:last - 1), repeat(' ', last - first))
      if (index(line, c_carriage_return, back=.true.) == len(line)) line = line(:len(line) - 1)
      if (.not. read_number(trim(adjustl(line)), number)) then
        write (error_unit, '(a, i0, 3a)') 'line ', line_number, ': "', line, '" is not a number'
        return
      end if
      sum = sum + number
      first = last + 1
      line_number = line_number + 1
    end do
    write (answer, '(f40.3, a)', iostat=status) sum, c_new_line
    if (status /= 0) return
    answer = adjustl(answer)
    length = len_trim(answer)
    exit_code = 0
  end function compute

  ! Whether the text is a number and nothing else. READ alone would also take `1,2`, `2*3`, `/`, and `20-1` for 20e-1.
  logical function read_number(text, number)
    character(len=*), intent(in) :: text
    real(c_double), intent(out) :: number
    integer :: i, status

    number = 0
    read_number = .false.
    if (verify(text, '+-.0123456789DEdeAFINTYafinty') > 0) return
    do i = 2, len(text)
      if (scan(text(i:i), '+-') > 0 .and. scan(text(i - 1:i - 1), 'DEde') == 0) return
    end do
    read (text, *, iostat=status) number
    read_number = status == 0
  end function read_number

  ! Called once. Open files and devices here. Anything but 0: this core cannot work here.
  integer(c_int32_t) function worker_init(version) bind(c)
    integer(c_int32_t), value :: version

    worker_init = merge(0_c_int32_t, 1_c_int32_t, version == api_version)
  end function worker_init

  ! Called for each job. Anything but 0: the job has failed.
  integer(c_int32_t) function worker_run_job(size, data, outsize, outdata) bind(c)
    integer(c_int64_t), value :: size
    type(c_ptr), value :: data
    integer(c_int64_t), intent(inout) :: outsize
    type(c_ptr), intent(inout) :: outdata
    character(kind=c_char), pointer :: input(:)
    integer :: length

    call c_f_pointer(data, input, [size])
    worker_run_job = compute(input, length)
    if (worker_run_job /= 0) return
    outsize = length
    outdata = c_loc(answer)
  end function worker_run_job

  ! Called after each job. Free what worker_run_job has allocated for its output; here it is not allocated.
  subroutine worker_free_outdata(size, outdata) bind(c)
    integer(c_int64_t), value :: size
    type(c_ptr), value :: outdata
  end subroutine worker_free_outdata

end module core
