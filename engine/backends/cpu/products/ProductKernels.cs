using Iba.Engine.Backends.Cpu.Simd;

namespace Iba.Engine.Backends.Cpu.Products;

/// <summary>The micro-kernels of this machine, by the number of registers per row of the tile.</summary>
internal unsafe readonly struct ProductKernels
{
    /// <summary>Rows of the register tile, at every width.</summary>
    public const int Rows = 6;

    /// <summary>Upper bound of the columns of a panel, on any machine.</summary>
    public const int MaxPanel = 64;

    private readonly delegate*<ProductBlock*, void> _one, _two, _four;

    private ProductKernels(
        int lanes, delegate*<ProductBlock*, void> one, delegate*<ProductBlock*, void> two, delegate*<ProductBlock*, void> four)
    {
        Lanes = lanes;
        _one = one;
        _two = two;
        _four = four;
    }

    /// <summary>Elements per register.</summary>
    public int Lanes { get; }

    /// <summary>Columns of the widest panel.</summary>
    public int Panel => (_four is not null ? 4 : 2) * Lanes;

    /// <summary>The micro-kernels of this machine. Panels of four registers need 32 registers.</summary>
    public static ProductKernels Best { get; } = Choose();

    /// <summary>The number of widest panels that hold <paramref name="columns"/>.</summary>
    public int Panels(int columns) => (columns + Panel - 1) / Panel;

    /// <summary>
    /// Columns of the next panel where <paramref name="columns"/> are left: a multiple of a register, so it may be more than that.
    /// </summary>
    public int NextPanel(int columns) => columns > Panel - Lanes ? Panel : columns > Lanes ? 2 * Lanes : Lanes;

    /// <summary>Columns of all panels together: <paramref name="columns"/> rounded up.</summary>
    public int Padded(int columns)
    {
        int padded = 0;
        while (padded < columns)
            padded += NextPanel(columns - padded);
        return padded;
    }

    /// <summary>Runs the micro-kernel for a panel of that many columns.</summary>
    public void Run(int panel, ProductBlock* block)
    {
        delegate*<ProductBlock*, void> kernel = panel == Lanes ? _one : panel == 2 * Lanes ? _two : _four;
        kernel(block);
    }

    private static ProductKernels Choose()
    {
        ProductKernels chosen = default;
        Registers.Run(new Choice(&chosen));
        return chosen;
    }

    private readonly struct Choice(ProductKernels* chosen) : IVectorCode
    {
        public void Run<V>() where V : struct, IWideLanes<V> => *chosen = new(
            V.Count,
            &ProductKernel<Strip1<V>>.Run,
            &ProductKernel<Strip2<V>>.Run,
            Registers.Count == 32 ? &ProductKernel<Strip4<V>>.Run : null);
    }
}
