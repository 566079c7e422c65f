using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace Engine.Backends.Cuda;

/// <summary>Blocks of a grid or threads of a block, along x and y.</summary>
internal readonly record struct Extent(uint X, uint Y = 1)
{
    /// <summary>How many.</summary>
    public long Count => (long)X * Y;
}

/// <summary>
/// One launch of a kernel of cuda/, as data: which, over how many threads, with what arguments. What a verb launches for a shape is
/// decided here and nowhere else, so that tests without a GPU run the launches that the GPU runs. The methods named as verbs of
/// <see cref="IBackend"/> launch what the verb says; a verb in several stages has one method for each. A launch lives on the stack:
/// making one allocates nothing.
/// </summary>
internal readonly partial struct Launch
{
    /// <summary>The most arguments that a kernel takes.</summary>
    public const int MaxArguments = 12;

    /// <summary>
    /// The most dynamic shared memory of a launch: every device gives a block 48 KiB without being asked, and a kernel's own variables
    /// come out of the same.
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

    /// <summary>The file of cuda/ that holds the kernel, without its ending.</summary>
    public string File { get; }

    /// <summary>The kernel's name.</summary>
    public string Kernel { get; }

    /// <summary>Blocks.</summary>
    public Extent Grid { get; }

    /// <summary>Threads of a block.</summary>
    public Extent Block { get; }

    /// <summary>Dynamic shared memory of a block.</summary>
    public int SharedBytes { get; private init; }

    /// <summary>In the kernel's order. Each begins with its value's bytes: its address is what cuLaunchKernel wants in kernelParams.</summary>
    [UnscopedRef]
    public ReadOnlySpan<Argument> Arguments => ((ReadOnlySpan<Argument>)_arguments)[.._count];

    /// <summary>Four neighbouring numbers to a thread.</summary>
    private static Extent Quads(int count) => Blocks(Up(count, Quad), 256);

    /// <summary>Four neighbouring numbers to a thread, none across a row's end.</summary>
    private static Extent RowQuads(int rows, int length, int block = 256) => Blocks((long)rows * Up(length, Quad), block);

    /// <summary>So many threads, in blocks.</summary>
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
