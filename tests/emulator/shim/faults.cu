// Kernels with the mistakes that the shim is there to find, one each.

// Half of the block never comes to the barrier.
extern "C" __global__ void fault_missing_thread(float* y)
{
    if (threadIdx.x < blockDim.x / 2) __syncthreads();
    y[threadIdx.x] = 1.f;
}

// Two halves wait at different barriers.
extern "C" __global__ void fault_two_barriers(float* y)
{
    if (threadIdx.x < blockDim.x / 2)
        __syncthreads();
    else
        __syncthreads();
    y[threadIdx.x] = 1.f;
}

// Reads what another thread writes, with no barrier between: right in one order of the threads only.
extern "C" __global__ void fault_race(float* y)
{
    __shared__ float slot[64];
    slot[threadIdx.x] = (float)threadIdx.x;
    y[threadIdx.x] = slot[threadIdx.x ^ 1];
    __syncthreads();
    slot[threadIdx.x] = -1.f;
}

// A shuffle in a block that is no whole number of warps.
extern "C" __global__ void fault_partial_warp(float* y)
{
    y[threadIdx.x] = __shfl_xor_sync(0xffffffffu, 1.f, 1);
}

// A shuffle among some lanes.
extern "C" __global__ void fault_partial_mask(float* y)
{
    y[threadIdx.x] = __shfl_xor_sync(0xffffu, 1.f, 1);
}

// Writes one number more than it was given.
extern "C" __global__ void fault_past_the_end(float* y)
{
    y[threadIdx.x + 1] = 1.f;
}

// Writes more shared memory than the launch asks for.
extern __shared__ float4 shared_memory[];
extern "C" __global__ void fault_shared(float* y)
{
    shared_memory[threadIdx.x] = { 0.f, 0.f, 0.f, 0.f };
    y[threadIdx.x] = shared_memory[threadIdx.x].x;
}

// The same if it is told to.
extern "C" __global__ void fault_past_the_end_if(const float* wrong, float* y)
{
    y[threadIdx.x + (wrong[0] > 0)] = 1.f;
}

// Writes one number before those it was given.
extern "C" __global__ void fault_before_the_start(float* y)
{
    y[(int)threadIdx.x - 1] = 1.f;
}

// Reads one number more than it was given.
extern "C" __global__ void fault_read_past_the_end(const float* x, float* y)
{
    y[threadIdx.x] = x[threadIdx.x + 1];
}

// Leaves the last element of y as it was.
extern "C" __global__ void fault_unwritten(float* y)
{
    if (threadIdx.x + 1 < blockDim.x) y[threadIdx.x] = 1.f;
}

// Writes to what it is only given to read.
extern "C" __global__ void fault_input_written(const float* x, float* y)
{
    y[threadIdx.x] = x[threadIdx.x];
    ((float*)x)[threadIdx.x] = 1.f;
}

// The same through a struct.
struct Inputs
{
    const float* x;
};
extern "C" __global__ void fault_input_of_a_struct_written(Inputs inputs, float* y)
{
    ((float*)inputs.x)[threadIdx.x] = 1.f;
    y[threadIdx.x] = 1.f;
}
