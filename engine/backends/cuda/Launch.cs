using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Iba.Engine.Backends.Cuda;

/// <summary>Blocks of a grid or threads of a block, along x and y.</summary>
internal readonly record struct Extent(uint X, uint Y = 1)
{
    /// <summary>The product of both.</summary>
    public long Count => (long)X * Y;
}

/// <summary>
/// One launch of a kernel of cuda/, as data: which kernel, how many threads, which arguments. This is the only place that decides what a
/// verb launches for a shape, so tests without a GPU run the same launches as the GPU. The methods named like verbs of
/// <see cref="IBackend"/> launch that verb; a verb in several stages has one method for each. A launch is on the stack: creating one
/// allocates nothing.
/// </summary>
internal readonly partial struct Launch
{
    /// <summary>Upper bound of a kernel's arguments.</summary>
    public const int MaxArguments = 18;

    /// <summary>
    /// Upper bound of the dynamic shared memory of a launch: every device grants a block 48 KiB by default, and the kernel's static shared
    /// variables are part of them. A kernel that needs more is granted more before its first launch (<see cref="Kernels"/>).
    /// </summary>
    public const int MaxSharedBytes = 47 << 10;

    private const int Quad = 4;
    private const int WarpSize = 32;

    private readonly ArgumentList _arguments;
    private readonly int _count;

    /// <summary>A launch without dynamic shared memory.</summary>
    internal Launch(string file, string kernel, Extent grid, Extent block, params ReadOnlySpan<Argument> arguments)
    {
        (File, Kernel, Grid, Block, _count) = (file, kernel, grid, block, arguments.Length);
        arguments.CopyTo(_arguments);
    }

    /// <summary>The file of cuda/ with the kernel, without extension.</summary>
    public string File { get; }

    /// <summary>The kernel's name.</summary>
    public string Kernel { get; }

    /// <summary>The grid, in blocks.</summary>
    public Extent Grid { get; }

    /// <summary>The block, in threads.</summary>
    public Extent Block { get; }

    /// <summary>Dynamic shared memory per block, in bytes.</summary>
    public int SharedBytes { get; private init; }

    /// <summary>
    /// The arguments in the kernel's order. Each begins with its value's bytes: its address is what cuLaunchKernel expects in kernelParams.
    /// </summary>
    [UnscopedRef]
    public ReadOnlySpan<Argument> Arguments => ((ReadOnlySpan<Argument>)_arguments)[.._count];

    /// <summary>Four neighbouring elements per thread.</summary>
    private static Extent Quads(int count) => Blocks(Up(count, Quad), 256);

    /// <summary>Four neighbouring elements per thread, none across a row's end.</summary>
    private static Extent RowQuads(int rows, int length, int block = 256) => Blocks((long)rows * Up(length, Quad), block);

    /// <summary>At least <paramref name="threads"/> threads, in blocks.</summary>
    private static Extent Blocks(long threads, int block)
    {
        Debug.Assert(threads <= uint.MaxValue - (uint)block, "a kernel counts its threads in 32 bits");
        return new((uint)((threads + block - 1) / block));
    }

    private static Extent Threads(int count) => new((uint)count);

    private static int Up(int count, int by) => (int)(((long)count + by - 1) / by);

    [InlineArray(MaxArguments)]
    private struct ArgumentList
    {
        private Argument _first;
    }
}
