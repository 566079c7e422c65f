using Engine.Backends.Cuda.Native;
using static Engine.Backends.Cuda.Native.cudnnBackendAttributeName;

namespace Tests.Native;

/// <summary>
/// What cuBLASLt and cuDNN would compute for a description, and for nothing but the description: textbook loops in double over the extents
/// and strides that were told. If a layout, a transposition or an order of operations were told wrongly, the numbers would be wrong.
/// </summary>
internal static unsafe class FakeArithmetic
{
    /// <summary>D = epilogue(alpha op(A) op(B) + beta C), column-major.</summary>
    public static void Compute(FakeProduct product)
    {
        bool turnsA = product[cublasLtMatmulDescAttribute.CUBLASLT_MATMUL_DESC_TRANSA] == 1, turnsB = product[cublasLtMatmulDescAttribute.CUBLASLT_MATMUL_DESC_TRANSB] == 1;
        int m = (int)product.D.Rows, n = (int)product.D.Columns, k = (int)(turnsA ? product.A.Rows : product.A.Columns);
        if ((int)(turnsA ? product.A.Columns : product.A.Rows) != m || (int)(turnsB ? product.B.Columns : product.B.Rows) != k || (int)(turnsB ? product.B.Rows : product.B.Columns) != n)
            throw new InvalidOperationException($"the matrices of the product do not fit: {product}");
        int epilogue = product[cublasLtMatmulDescAttribute.CUBLASLT_MATMUL_DESC_EPILOGUE];
        float* bias = (epilogue & 4) != 0 ? (float*)BitConverter.ToUInt64(product.Description[cublasLtMatmulDescAttribute.CUBLASLT_MATMUL_DESC_BIAS_POINTER]) : null;
        var results = new float[m * n];
        for (int column = 0; column < n; column++)
        {
            for (int row = 0; row < m; row++)
            {
                double sum = 0;
                for (int i = 0; i < k; i++)
                {
                    sum += Read(product.A, product.Pointers[0], turnsA ? i : row, turnsA ? row : i)
                        * Read(product.B, product.Pointers[1], turnsB ? column : i, turnsB ? i : column);
                }
                sum *= product.Alpha;
                if (product.Beta != 0)
                    sum += product.Beta * Read(product.C, product.Pointers[2], row, column);
                if (bias != null)
                    sum += bias[row];
                results[column * m + row] = (float)((epilogue & 2) != 0 ? Math.Max(sum, 0) : sum);
            }
        }
        for (int column = 0; column < n; column++)
        {
            for (int row = 0; row < m; row++)
                ((float*)product.Pointers[3])[column * product.D.Leading + row] = results[column * m + row];
        }
    }

    /// <summary>A cuDNN operation graph: every operation in order, intermediates in double. An engine may lie about the result.</summary>
    public static void Compute(FakeCudnn cudnn, FakeEngine engine, FakeDescriptor graph, IReadOnlyDictionary<long, ulong> pointers)
    {
        var virtuals = new Dictionary<long, double[]>();
        var writes = new List<Action>();
        foreach (nint handle in graph[CUDNN_ATTR_OPERATIONGRAPH_OPS].As<nint>())
        {
            FakeDescriptor operation = cudnn.Ever(handle);
            FakeTensor Part(cudnnBackendAttributeName name) => new(cudnn.Ever(operation[name].As<nint>()[0]));
            double[] In(cudnnBackendAttributeName name) => Part(name) is var tensor && tensor.IsVirtual ? virtuals[tensor.Id] : tensor.Read(pointers[tensor.Id]);
            void Out(cudnnBackendAttributeName name, double[] values)
            {
                FakeTensor tensor = Part(name);
                if (tensor.IsVirtual)
                    virtuals[tensor.Id] = values;
                else
                    writes.Add(() => tensor.Write(pointers[tensor.Id], engine.Lie is null ? values : [.. values.Select(engine.Lie)]));
            }

            switch (operation.Kind)
            {
                case cudnnBackendDescriptorType.CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
                    Out(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, Convolve(cudnn, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                        Part(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X), Part(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W), Part(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y),
                        In(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X), In(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W), null));
                    break;
                case cudnnBackendDescriptorType.CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
                    Out(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, Convolve(cudnn, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                        Part(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX), Part(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W), Part(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY),
                        null, In(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W), In(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY)));
                    break;
                case cudnnBackendDescriptorType.CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR:
                    Out(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, Convolve(cudnn, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                        Part(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X), Part(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW), Part(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY),
                        In(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X), null, In(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY)));
                    break;
                case cudnnBackendDescriptorType.CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR:
                    Pointwise();
                    break;
                default:
                    throw new InvalidOperationException($"{operation.Kind} in a graph");
            }

            void Pointwise()
            {
                int mode = cudnn.Ever(operation[CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR].As<nint>()[0])[CUDNN_ATTR_POINTWISE_MODE].As<int>()[0];
                double[] x = In(CUDNN_ATTR_OPERATION_POINTWISE_XDESC);
                if (mode == 200)
                {
                    double[] dy = In(CUDNN_ATTR_OPERATION_POINTWISE_DYDESC);
                    Out(CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, [.. x.Zip(dy, (x, dy) => x > 0 ? dy : 0)]);
                    return;
                }
                double[] other = operation.Has(CUDNN_ATTR_OPERATION_POINTWISE_BDESC) ? In(CUDNN_ATTR_OPERATION_POINTWISE_BDESC) : [0];
                FakeTensor shape = Part(CUDNN_ATTR_OPERATION_POINTWISE_XDESC);
                // Values stand in N, C, H, W order whatever the strides; a bias has one for each channel.
                Out(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, mode switch
                {
                    0 => [.. x.Select((value, i) => value + (other.Length == x.Length ? other[i] : other[i / (int)(shape.Dims[2] * shape.Dims[3]) % other.Length]))],
                    21 => x,
                    100 => [.. x.Select(value => Math.Max(value, 0))],
                    _ => throw new InvalidOperationException($"pointwise mode {mode}"),
                });
            }
        }
        if (!engine.WritesNothing)
            writes.ForEach(write => write());
    }

    /// <summary>Whichever of the three is null is what is computed: one sum over all places where window and image meet.</summary>
    private static double[] Convolve(
        FakeCudnn cudnn, FakeDescriptor operation, cudnnBackendAttributeName geometry, FakeTensor x, FakeTensor w, FakeTensor y, double[]? xs, double[]? ws, double[]? ys)
    {
        FakeDescriptor convolution = cudnn.Ever(operation[geometry].As<nint>()[0]);
        long[] pad = convolution[CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS].As<long>(), stride = convolution[CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES].As<long>();
        if (convolution[CUDNN_ATTR_CONVOLUTION_CONV_MODE].As<int>()[0] != 1)
            throw new InvalidOperationException("the window would be flipped");
        var results = new double[(xs is null ? x : ws is null ? w : y).Count];
        (int C, int R, int S) window = ((int)w.Dims[1], (int)w.Dims[2], (int)w.Dims[3]);
        (int H, int W) image = ((int)x.Dims[2], (int)x.Dims[3]);
        for (int atY = 0; atY < y.Count; atY++)
        {
            // y in N, C, H, W order, as all values here.
            int q = atY % (int)y.Dims[3], p = atY / (int)y.Dims[3] % (int)y.Dims[2];
            int k = atY / (int)(y.Dims[3] * y.Dims[2]) % (int)y.Dims[1], n = atY / (int)(y.Dims[3] * y.Dims[2] * y.Dims[1]);
            for (int i = 0; i < window.C * window.R * window.S; i++)
            {
                int s = i % window.S, r = i / window.S % window.R, c = i / (window.S * window.R);
                int row = p * (int)stride[0] + r - (int)pad[0], column = q * (int)stride[1] + s - (int)pad[1];
                if (row < 0 || row >= image.H || column < 0 || column >= image.W)
                    continue;
                int atX = ((n * window.C + c) * image.H + row) * image.W + column, atW = k * window.C * window.R * window.S + i;
                if (xs is null)
                    results[atX] += ws![atW] * ys![atY];
                else if (ws is null)
                    results[atW] += xs[atX] * ys![atY];
                else
                    results[atY] += xs[atX] * ws[atW];
            }
        }
        return results;
    }

    private static double Read(FakeMatrix matrix, ulong pointer, long row, long column)
    {
        long at = column * matrix.Leading + row;
        return matrix.Type == cudaDataType.CUDA_R_16BF ? BitConverter.UInt32BitsToSingle((uint)((ushort*)pointer)[at] << 16) : ((float*)pointer)[at];
    }
}

/// <summary>A tensor as it was described to cuDNN. Its values are read into N, C, H, W order.</summary>
internal sealed unsafe class FakeTensor(FakeDescriptor descriptor)
{
    private readonly long[] _strides = descriptor[CUDNN_ATTR_TENSOR_STRIDES].As<long>();
    private readonly bool _rounded = descriptor[CUDNN_ATTR_TENSOR_DATA_TYPE].As<int>()[0] == 9;

    public long[] Dims { get; } = descriptor[CUDNN_ATTR_TENSOR_DIMENSIONS].As<long>();

    public long Id { get; } = descriptor[CUDNN_ATTR_TENSOR_UNIQUE_ID].As<long>()[0];

    public bool IsVirtual { get; } = descriptor.Has(CUDNN_ATTR_TENSOR_IS_VIRTUAL);

    public long Count => Dims.Aggregate(1L, (product, dim) => product * dim);

    public double[] Read(ulong pointer) => [.. Places().Select(at => (double)Value(pointer, at))];

    public void Write(ulong pointer, double[] values)
    {
        int i = 0;
        foreach (long at in Places())
        {
            float value = (float)values[i++];
            if (_rounded)
                ((ushort*)pointer)[at] = (ushort)((BitConverter.SingleToUInt32Bits(value) + 0x7fff + (BitConverter.SingleToUInt32Bits(value) >> 16 & 1)) >> 16);
            else
                ((float*)pointer)[at] = value;
        }
    }

    private float Value(ulong pointer, long at) =>
        _rounded ? BitConverter.UInt32BitsToSingle((uint)((ushort*)pointer)[at] << 16) : ((float*)pointer)[at];

    private IEnumerable<long> Places()
    {
        for (long n = 0; n < Dims[0]; n++)
            for (long c = 0; c < Dims[1]; c++)
                for (long h = 0; h < Dims[2]; h++)
                    for (long w = 0; w < Dims[3]; w++)
                        yield return n * _strides[0] + c * _strides[1] + h * _strides[2] + w * _strides[3];
    }
}
