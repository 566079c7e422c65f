using Iba.Engine.Backends.Cuda;
using Iba.Engine.Backends.Cuda.Native;

namespace Tests.Emulator;

/// <summary>
/// What work on the stream moves: each operand of a launch once, read or written, and twice where it is both. Counted from a kernel's arguments, a
/// graph's descriptors and a product's layouts, so nothing has to run. A graph's intermediate tensors and workspaces count nothing.
/// </summary>
internal static unsafe class Traffic
{
    private const long Float = sizeof(float), Half = sizeof(ushort), Double = sizeof(double);

    /// <summary>The bytes of a kernel's operands, from the arguments as its source declares them.</summary>
    /// <exception cref="InvalidOperationException">The kernel has no line here.</exception>
    public static long Of(string kernel, Extent grid, void** arguments)
    {
        long Int(int i) => *(int*)arguments[i];
        long Given(int i) => *(nint*)arguments[i] != 0 ? 1 : 0;
        // The struct Noise: three addresses and the seed come before copies and length.
        (long copies, long length) = kernel.StartsWith("restrict", StringComparison.Ordinal) ? (((int*)arguments[0])[8], ((int*)arguments[0])[9]) : (0, 0);
        long recorded = length > 0 && ((nint*)arguments[0])[2] != 0 ? 1 : 0;
        (long turnCopies, long turnLength) = kernel.StartsWith("mask_turn", StringComparison.Ordinal)
            ? (((int*)arguments[1])[8], ((int*)arguments[1])[9]) : (0, 0);
        bool isHalf = kernel.EndsWith("_bf16", StringComparison.Ordinal) && kernel is not ("float_to_bf16" or "convert_to_bf16");
        long Wide = isHalf ? Half : Float;
        return (isHalf ? kernel[..^"_bf16".Length] : kernel) switch
        {
            "fill_forward" => Float * Int(2),
            "copy_forward" => 2 * Float * Int(2),
            "add_forward" or "multiply_forward" => 3 * Float * Int(3),
            "accumulate_backward" => (2 + Int(3)) * Wide * Int(2),
            "gate_backward" => 3 * Wide * Int(2),
            "sigmoid_forward" or "scale_forward" or "relu_forward" => 2 * Wide * Int(3),
            "sigmoid_backward" => (3 + Int(6)) * Float * Int(5),
            "scale_backward" => (2 + Int(6)) * Float * Int(5),
            "blur_forward" => 2 * Float * Tiled(3),
            "blur_backward" => (2 + Int(8)) * Float * Tiled(3),
            "standardise_forward" => Float * (2 * Int(4) + 2) * Int(5),
            "restrict_forward" => length * (Int(5) * (2 * Float + copies * (Wide + Float * recorded)) + 3 * Float),
            "restrict_backward" => length * (Int(6) * ((2 + Int(7)) * Float + copies * (Wide * (1 + Given(3)) + Float * recorded)) + 3 * Float),
            "information_forward" => Float * (3 * Int(4) + 1) * Int(5),
            "information_backward" => Float * ((4 + Int(7)) * Int(5) + 1) * Int(6),
            "sum_forward" => Float * Int(3) * (Int(4) + 1),
            "sum_chunks" => Int(2) * (Float * Int(3) + Double * Int(4)),
            "sum_total" => Int(3) * (Double * Int(4) + Float),
            "sum_backward" => Float * Int(3) * (1 + (1 + Int(5)) * Int(4)),
            "average_pool_forward" => Int(2) * Int(5) * (Wide * Int(3) * Int(4) + Float * Int(6) * Int(7)),
            "average_pool_backward" => Int(2) * Int(5) * ((1 + Int(8) + Given(9)) * Wide * Int(3) * Int(4) + Float * Int(6) * Int(7)),
            "subsample_forward" => 2 * Wide * Int(2) * Int(5) * Int(6) * Int(7),
            "subsample_backward" => Int(2) * Int(5) * Wide * (Int(6) * Int(7) + (1 + Int(10) + Given(11)) * Up(Int(3), (int)Int(9)) * Up(Int(4), (int)Int(9))),
            "cross_entropy_forward" => Float * grid.X * (Int(3) + 2),
            "cross_entropy_backward" => Float * grid.X * ((2 + Int(5)) * Int(4) + 2),
            // λ, α, m and v are read and written; z is written, and read where it was clamped.
            "mask_turn" => grid.X / Up(Int(16), 8) * turnLength * (9 * Float + turnCopies * Wide * (2 + Int(17))) + 3 * Float * turnLength + Double * grid.X,
            "adam_update_all" => 7 * Float * Int(6),
            "append_row" => Float * (2 * Int(4) + 1),
            "advance_step" => 2 * Float,
            "float_to_bf16" => (Float + Float * Given(1) + Half) * Int(3),
            "bf16_to_float" => (Half + Float * (1 + Int(3) + Given(4))) * Int(2),
            "unit_forward" => Wide * Int(4) * Int(5) * (2 + Given(2)) + Float * Int(5) * Given(1),
            "unit_backward" => Wide * Int(2) * (2 + Int(3) + Given(4)),
            _ => throw new InvalidOperationException($"{kernel} has no line in {nameof(Traffic)}: write down what it reads and writes"),
        };

        // Elements of the tensor that a kernel of blur.cuh works on: radius, H, W, C and the tile, one block for each tile and eight channels.
        long Tiled(int radius)
        {
            (long h, long w, long c) = (Int(radius + 1), Int(radius + 2), Int(radius + 3));
            int* tile = (int*)arguments[radius + 4];
            return grid.X / (Up(h, tile[0]) * Up(w, tile[1]) * Up(c, 8)) * h * w * c;
        }

        static long Up(long count, long by) => (count + by - 1) / by;
    }

    /// <summary>The bytes of a graph's tensors that are not virtual.</summary>
    public static long Of(FakeCudnn cudnn, FakeDescriptor graph)
    {
        Dictionary<long, long> bytes = [];
        foreach (nint operation in graph[cudnnBackendAttributeName.CUDNN_ATTR_OPERATIONGRAPH_OPS].As<nint>())
        {
            foreach (FakeAttribute attribute in cudnn.Ever(operation).Attributes)
            {
                if (attribute.Type != cudnnBackendAttributeType.CUDNN_TYPE_BACKEND_DESCRIPTOR)
                    continue;
                FakeDescriptor part = cudnn.Ever(attribute.As<nint>()[0]);
                if (part.Kind != cudnnBackendDescriptorType.CUDNN_BACKEND_TENSOR_DESCRIPTOR || part.Has(cudnnBackendAttributeName.CUDNN_ATTR_TENSOR_IS_VIRTUAL))
                    continue;
                var tensor = new FakeTensor(part);
                bytes[tensor.Id] = tensor.Count * tensor.ElementBytes;
            }
        }
        return bytes.Values.Sum();
    }

    /// <summary>The bytes of a product's matrices, and of its bias.</summary>
    public static long Of(FakeProduct product)
    {
        bool biased = (product[cublasLtMatmulDescAttribute.CUBLASLT_MATMUL_DESC_EPILOGUE] & 4) != 0;
        return Bytes(product.A) + Bytes(product.B) + Bytes(product.D)
            + (product.Beta == 0 ? 0 : Bytes(product.C)) + (biased ? Float * (long)product.D.Rows : 0);

        static long Bytes(FakeMatrix matrix) => (long)(matrix.Rows * matrix.Columns) * (matrix.Type == cudaDataType.CUDA_R_16BF ? Half : Float);
    }
}

/// <summary>A piece of work that ran on the stream.</summary>
/// <param name="Name">The kernel, or the library's function.</param>
/// <param name="Bytes">Its operands, as <see cref="Traffic"/> counts them.</param>
internal readonly record struct Sent(string Name, long Bytes)
{
    /// <summary>The part of a step that it belongs to.</summary>
    public string Part => Name switch
    {
        "cudnnBackendExecute" => "convolutions",
        "float_to_bf16" or "bf16_to_float" => "conversions",
        "unit_forward" or "unit_backward" or "gate_backward" or "unit_forward_bf16" or "unit_backward_bf16" or "gate_backward_bf16" => "epilogues",
        _ when Name.StartsWith("subsample", StringComparison.Ordinal) => "subsampling",
        "cublasLtMatmul" => "pool and linear layer",
        _ when Name.StartsWith("average_pool", StringComparison.Ordinal) => "pool and linear layer",
        _ when Name.StartsWith("restrict", StringComparison.Ordinal) || Name.StartsWith("information", StringComparison.Ordinal) => "bottleneck",
        _ when Name.StartsWith("blur", StringComparison.Ordinal) || Name.StartsWith("sigmoid", StringComparison.Ordinal)
            || Name.StartsWith("mask", StringComparison.Ordinal) || Name == "adam_update_all" => "mask",
        _ => "loss",
    };
}
