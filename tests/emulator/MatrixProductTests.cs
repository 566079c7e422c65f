using Iba.Engine.Backends.Cuda;
using Iba.Engine.Backends.Cuda.Native;
using Iba.Engine.Backends.Cuda.Plans;
using Xunit;
using static Iba.Engine.Backends.Cuda.Native.cublasLtMatmulDescAttribute;

namespace Tests.Emulator;

/// <summary>The descriptors passed to cuBLASLt, for every matrix product of both networks: layouts, transpositions, types, epilogue, scalars.</summary>
public sealed class MatrixProductTests : IDisposable
{
    private readonly FakeDriver _driver = new();
    private readonly FakeCublasLt _cublasLt = new();
    private readonly Device _device;
    private readonly ProductSession _session;

    public MatrixProductTests()
    {
        _device = new Device(_driver.Table(), 0);
        _session = new ProductSession(_cublasLt.Table(), _device);
    }

    public void Dispose()
    {
        _session.Dispose();
        _device.Dispose();
        _cublasLt.Dispose();
        _driver.Dispose();
    }

    public static TheoryData<Precision> Precisions => [Precision.Float32, Precision.TensorFloat32, Precision.BFloat16];

    [Theory]
    [MemberData(nameof(Precisions))]
    public void Every_product_of_both_networks_is_described_column_major(Precision precision)
    {
        foreach (ProductUnit unit in Units(precision))
        {
            using var product = new MatrixProduct(_session, unit);
            product.Run(new Addresses(X: 0x100, W: 0x200, Y: 0x300, Bias: 0x400, Addend: 0x500, Gate: 0, Workspace: 0x600));
            FakeProduct call = _cublasLt.Products[^1];

            int input = precision == Precision.BFloat16 ? 14 : 0;
            Assert.Equal(precision == Precision.TensorFloat32 ? 77 : 68, (int)call.Compute);
            ulong p = (ulong)unit.P, c = (ulong)unit.C, k = (ulong)unit.K;
            // cuBLAS's own letters: op(A) is m x k, op(B) is k x n, C and D are m x n.
            (ulong[] a, ulong[] b, ulong[] d, int turnsA, int turnsB, ulong[] pointers) = unit.Direction switch
            {
                Direction.Forward => ([c, k], [c, p], [k, p], 1, 0, [0x200UL, 0x100UL, 0x300UL]),
                Direction.BackwardData => ([c, k], [k, p], [c, p], 0, 0, [0x200UL, 0x300UL, 0x100UL]),
                _ => ((ulong[])[c, p], (ulong[])[k, p], (ulong[])[c, k], 0, 1, (ulong[])[0x100UL, 0x300UL, 0x200UL]),
            };
            Check(call.A, input, a);
            Check(call.B, input, b);
            Check(call.C, 0, d);
            Check(call.D, 0, d);
            Assert.Equal((turnsA, turnsB), (call[CUBLASLT_MATMUL_DESC_TRANSA], call[CUBLASLT_MATMUL_DESC_TRANSB]));
            Assert.Equal(unit.Bias ? 4 : 1, call[CUBLASLT_MATMUL_DESC_EPILOGUE]);
            Assert.Equal(unit.Bias, call.Description.ContainsKey(CUBLASLT_MATMUL_DESC_BIAS_POINTER));
            if (unit.Bias)
            {
                Assert.Equal(0x400UL, BitConverter.ToUInt64(call.Description[CUBLASLT_MATMUL_DESC_BIAS_POINTER]));
                Assert.Equal(0, call[CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE]);
            }
            Assert.All(call.Description, attribute => Assert.Equal(attribute.Key == CUBLASLT_MATMUL_DESC_BIAS_POINTER ? 8 : 4, attribute.Value.Length));
            Assert.Equal((1f, unit.Addend ? 1f : 0f), (call.Alpha, call.Beta));
            Assert.Equal([pointers[0], pointers[1], unit.Addend ? 0x500UL : pointers[2], pointers[2]], call.Pointers);
            Assert.Equal((100UL, 0x600UL), (call.Algorithm, call.Workspace));
        }
    }

    [Fact]
    public void The_workspace_is_bounded_and_views_say_how_they_are_aligned()
    {
        using var call = new MatrixProduct(_session, Units(Precision.Float32).First() with { Alignment = 4 });
        Assert.Equal([1, 5, 6, 7, 8], _cublasLt.Preferences.Select(preference => (int)preference.Name));
        Assert.Equal(32UL << 20, BitConverter.ToUInt64(_cublasLt.Preferences[0].Bytes));
        Assert.All(_cublasLt.Preferences.Skip(1), preference => Assert.Equal([4, 0, 0, 0], preference.Bytes));
    }

    [Fact]
    public void A_product_that_the_library_does_not_know_says_so_and_leaves_nothing_behind()
    {
        _cublasLt.Offers = 0;
        CudaException refused = Assert.Throws<CudaException>(() => new MatrixProduct(_session, Units(Precision.Float32).First()));
        Assert.Contains("cublasLtMatmulAlgoGetHeuristic(product, forward", refused.Message);
        Assert.Equal(1, _cublasLt.Live);
        _cublasLt.Offers = 1;
        new MatrixProduct(_session, Units(Precision.Float32).First()).Dispose();
        Assert.Equal(1, _cublasLt.Live);
    }

    /// <summary>The heuristic's record is an array of C: an error in its size would corrupt the second one.</summary>
    [Fact]
    public unsafe void An_algorithm_is_96_bytes() => Assert.Equal(96, sizeof(cublasLtMatmulHeuristicResult));

    private static void Check(FakeMatrix matrix, int type, ulong[] extents)
    {
        Assert.Equal(type, (int)matrix.Type);
        Assert.Equal((extents[0], extents[1]), (matrix.Rows, matrix.Columns));
        Assert.Equal((long)extents[0], matrix.Leading);
    }

    private static IEnumerable<ProductUnit> Units(Precision precision)
    {
        IEnumerable<ProductUnit> linear = ((int C, int K)[])[(2048, 1000), (25088, 4096), (4096, 4096), (4096, 1000)] is var layers
            ? layers.SelectMany(layer => new[]
            {
                new ProductUnit(Direction.Forward, NetworkUnits.Batch, layer.C, layer.K, precision) { Bias = true, Relu = layer.K == 4096 },
                new ProductUnit(Direction.BackwardData, NetworkUnits.Batch, layer.C, layer.K, precision),
                new ProductUnit(Direction.BackwardWeights, NetworkUnits.Batch, layer.C, layer.K, precision) { Addend = true },
            })
            : [];
        return linear.Concat(NetworkUnits.At(precision).Where(unit => unit.Geometry.IsPointwise).Select(unit =>
            new ProductUnit(unit.Direction, unit.N * unit.H * unit.W, unit.C, unit.K, precision) { Bias = unit.Bias, Addend = unit.Addend, Relu = unit.Relu }));
    }
}
