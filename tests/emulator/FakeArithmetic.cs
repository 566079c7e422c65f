using System.Numerics;
using Iba.Engine.Backends.Cuda.Native;
using static Iba.Engine.Backends.Cuda.Native.cudnnBackendAttributeName;

namespace Tests.Emulator;

/// <summary>
/// What cuBLASLt and cuDNN would compute for a description, from the description alone: textbook loops in double over the extents
/// and strides given. A wrong layout, transposition or order of operations gives wrong results.
/// </summary>
internal static unsafe class FakeArithmetic
{
    /// <summary>D = alpha op(A) op(B) + beta C, plus a bias where the epilogue says so, column-major.</summary>
    public static void Compute(FakeProduct product)
    {
        bool turnsA = product[cublasLtMatmulDescAttribute.CUBLASLT_MATMUL_DESC_TRANSA] == 1;
        bool turnsB = product[cublasLtMatmulDescAttribute.CUBLASLT_MATMUL_DESC_TRANSB] == 1;
        int m = (int)product.D.Rows, n = (int)product.D.Columns, k = (int)(turnsA ? product.A.Rows : product.A.Columns);
        if ((int)(turnsA ? product.A.Columns : product.A.Rows) != m || (int)(turnsB ? product.B.Columns : product.B.Rows) != k
            || (int)(turnsB ? product.B.Rows : product.B.Columns) != n)
            throw new InvalidOperationException($"the matrices of the product do not fit: {product}");
        int epilogue = product[cublasLtMatmulDescAttribute.CUBLASLT_MATMUL_DESC_EPILOGUE];
        float* bias = (epilogue & 4) == 0
            ? null
            : (float*)BitConverter.ToUInt64(product.Description[cublasLtMatmulDescAttribute.CUBLASLT_MATMUL_DESC_BIAS_POINTER]);
        double[][] rows = [.. Enumerable.Range(0, m).Select(row => Line(k, i => Read(product.A, product.Pointers[0], turnsA ? i : row, turnsA ? row : i)))];
        var results = new float[m * n];
        for (int column = 0; column < n; column++)
        {
            double[] factors = Line(k, i => Read(product.B, product.Pointers[1], turnsB ? column : i, turnsB ? i : column));
            for (int row = 0; row < m; row++)
            {
                double sum = product.Alpha * Dot(rows[row], factors);
                if (product.Beta != 0)
                    sum += product.Beta * Read(product.C, product.Pointers[2], row, column);
                if (bias != null)
                    sum += bias[row];
                results[column * m + row] = (float)sum;
            }
        }
        for (int column = 0; column < n; column++)
        {
            for (int row = 0; row < m; row++)
                ((float*)product.Pointers[3])[column * product.D.Leading + row] = results[column * m + row];
        }
    }

    /// <summary>A cuDNN operation graph: every operation in order, intermediates in double. An engine may change the result.</summary>
    public static void Compute(FakeCudnn cudnn, FakeEngine engine, FakeDescriptor graph, IReadOnlyDictionary<long, ulong> pointers)
    {
        var virtuals = new Dictionary<long, double[]>();
        var writes = new List<Action>();
        foreach (nint handle in graph[CUDNN_ATTR_OPERATIONGRAPH_OPS].As<nint>())
        {
            FakeDescriptor operation = cudnn.Ever(handle);
            FakeTensor Part(cudnnBackendAttributeName name) => new(cudnn.Ever(operation[name].As<nint>()[0]));
            double[] In(cudnnBackendAttributeName name) =>
                Part(name) is var tensor && tensor.IsVirtual ? virtuals[tensor.Id] : tensor.Read(pointers[tensor.Id]);
            void Out(cudnnBackendAttributeName name, double[] values)
            {
                FakeTensor tensor = Part(name);
                if (tensor.IsVirtual)
                    virtuals[tensor.Id] = values;
                else
                    writes.Add(() => tensor.Write(pointers[tensor.Id], engine.Distort is null ? values : [.. values.Select(engine.Distort)]));
            }

            switch (operation.Kind)
            {
                case cudnnBackendDescriptorType.CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
                    Out(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, Convolve(cudnn, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                        Part(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X), Part(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W),
                        Part(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y),
                        In(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X), In(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W), null));
                    break;
                case cudnnBackendDescriptorType.CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
                    Out(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, Convolve(cudnn, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                        Part(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX), Part(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W),
                        Part(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY),
                        null, In(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W), In(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY)));
                    break;
                case cudnnBackendDescriptorType.CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR:
                    Out(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, Convolve(cudnn, operation, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                        Part(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X), Part(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW),
                        Part(CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY),
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
                FakeDescriptor pointwise = cudnn.Ever(operation[CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR].As<nint>()[0]);
                int mode = pointwise[CUDNN_ATTR_POINTWISE_MODE].As<int>()[0];
                bool keepsNaN = pointwise.Has(CUDNN_ATTR_POINTWISE_NAN_PROPAGATION)
                    && pointwise[CUDNN_ATTR_POINTWISE_NAN_PROPAGATION].As<int>()[0] == 1;
                bool IsOn(double x) => x > 0 || (keepsNaN && double.IsNaN(x));
                double[] x = In(CUDNN_ATTR_OPERATION_POINTWISE_XDESC);
                if (mode == 200)
                {
                    double[] dy = In(CUDNN_ATTR_OPERATION_POINTWISE_DYDESC);
                    Out(CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, [.. x.Zip(dy, (x, dy) => IsOn(x) ? dy : 0)]);
                    return;
                }
                double[] other = operation.Has(CUDNN_ATTR_OPERATION_POINTWISE_BDESC) ? In(CUDNN_ATTR_OPERATION_POINTWISE_BDESC) : [0];
                FakeTensor shape = Part(CUDNN_ATTR_OPERATION_POINTWISE_XDESC);
                // Values are in N, C, H, W order whatever the strides; a bias has one for each channel.
                Out(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, mode switch
                {
                    0 => [.. x.Select((value, i) =>
                        value + (other.Length == x.Length ? other[i] : other[i / (int)(shape.Dims[2] * shape.Dims[3]) % other.Length]))],
                    21 => x,
                    100 => [.. x.Select(value => IsOn(value) ? value : 0)],
                    _ => throw new InvalidOperationException($"pointwise mode {mode}"),
                });
            }
        }
        bool inPlace = pointers.Values.Distinct().Count() < pointers.Count;
        if (!engine.WritesNothing && !(engine.BreaksInPlace && inPlace))
            writes.ForEach(write => write());
    }

    /// <summary>
    /// Computes the one of the three that is null. For every position of y and the patch of the image under it: the products with the weights are y,
    /// and the gradients of weights and image are summed from the products with y.
    /// </summary>
    private static double[] Convolve(
        FakeCudnn cudnn, FakeDescriptor operation, cudnnBackendAttributeName geometry, FakeTensor x, FakeTensor w,
        FakeTensor y, double[]? xs, double[]? ws, double[]? ys)
    {
        FakeDescriptor convolution = cudnn.Ever(operation[geometry].As<nint>()[0]);
        long[] pad = convolution[CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS].As<long>(), stride = convolution[CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES].As<long>();
        if (convolution[CUDNN_ATTR_CONVOLUTION_CONV_MODE].As<int>()[0] != 1)
            throw new InvalidOperationException("the kernel would be flipped");
        var results = new double[(xs is null ? x : ws is null ? w : y).Count];
        (int K, int C, int R, int S) = ((int)w.Dims[0], (int)w.Dims[1], (int)w.Dims[2], (int)w.Dims[3]);
        (int H, int W, int P, int Q) = ((int)x.Dims[2], (int)x.Dims[3], (int)y.Dims[2], (int)y.Dims[3]);
        // All values are in N, C, H, W order here.
        double[] patch = new double[C * R * S];
        for (int place = 0; place < (int)y.Dims[0] * P * Q; place++)
        {
            (int q, int p, int n) = (place % Q, place / Q % P, place / (Q * P));
            (int top, int left) = (p * (int)stride[0] - (int)pad[0], q * (int)stride[1] - (int)pad[1]);
            Array.Clear(patch);
            if (xs is not null)
                Under((at, i) => patch[i] = xs[at]);
            for (int k = 0; k < K; k++)
            {
                int atY = ((n * K + k) * P + p) * Q + q;
                if (xs is null)
                    AddScaled(ys![atY], ws.AsSpan(k * patch.Length, patch.Length), patch);
                else if (ws is null)
                    AddScaled(ys![atY], patch, results.AsSpan(k * patch.Length, patch.Length));
                else
                    results[atY] = Dot(patch, ws.AsSpan(k * patch.Length, patch.Length));
            }
            if (xs is null)
                Under((at, i) => results[at] += patch[i]);

            // The overlap of kernel and image, as rows of one and of the other.
            void Under(Action<int, int> pair)
            {
                for (int c = 0; c < C; c++)
                {
                    for (int r = Math.Max(0, -top); r < Math.Min(R, H - top); r++)
                    {
                        for (int s = Math.Max(0, -left); s < Math.Min(S, W - left); s++)
                            pair(((n * C + c) * H + top + r) * W + left + s, (c * R + r) * S + s);
                    }
                }
            }
        }
        return results;
    }

    private static double[] Line(int length, Func<int, double> at)
    {
        var line = new double[length];
        for (int i = 0; i < length; i++)
            line[i] = at(i);
        return line;
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        int i = 0, width = Vector<double>.Count;
        Vector<double> sums = default;
        for (; i <= a.Length - width; i += width)
            sums += new Vector<double>(a[i..]) * new Vector<double>(b[i..]);
        double sum = Vector.Sum(sums);
        for (; i < a.Length; i++)
            sum += a[i] * b[i];
        return sum;
    }

    private static void AddScaled(double factor, ReadOnlySpan<double> a, Span<double> to)
    {
        int i = 0, width = Vector<double>.Count;
        for (; i <= a.Length - width; i += width)
            (new Vector<double>(to[i..]) + factor * new Vector<double>(a[i..])).CopyTo(to[i..]);
        for (; i < a.Length; i++)
            to[i] += factor * a[i];
    }

    private static double Read(FakeMatrix matrix, ulong pointer, long row, long column)
    {
        long at = column * matrix.Leading + row;
        return matrix.Type == cudaDataType.CUDA_R_16BF ? BitConverter.UInt32BitsToSingle((uint)((ushort*)pointer)[at] << 16) : ((float*)pointer)[at];
    }
}

/// <summary>A tensor with cuDNN's description. Its values are read into N, C, H, W order.</summary>
internal sealed unsafe class FakeTensor(FakeDescriptor descriptor)
{
    private readonly long[] _strides = descriptor[CUDNN_ATTR_TENSOR_STRIDES].As<long>();
    private readonly bool _rounded = descriptor[CUDNN_ATTR_TENSOR_DATA_TYPE].As<int>()[0] == 9;

    public long[] Dims { get; } = descriptor[CUDNN_ATTR_TENSOR_DIMENSIONS].As<long>();

    public long Id { get; } = descriptor[CUDNN_ATTR_TENSOR_UNIQUE_ID].As<long>()[0];

    public int ElementBytes => _rounded ? sizeof(ushort) : sizeof(float);

    public bool IsVirtual { get; } = descriptor.Has(CUDNN_ATTR_TENSOR_IS_VIRTUAL);

    public long Count => Dims.Aggregate(1L, (product, dim) => product * dim);

    public double[] Read(ulong pointer)
    {
        var values = new double[Count];
        ForEach((i, at) => values[i] = _rounded ? BitConverter.UInt32BitsToSingle((uint)((ushort*)pointer)[at] << 16) : ((float*)pointer)[at]);
        return values;
    }

    public void Write(ulong pointer, double[] values) => ForEach((i, at) =>
    {
        float value = (float)values[i];
        if (_rounded)
            ((ushort*)pointer)[at] = (ushort)((BitConverter.SingleToUInt32Bits(value) + 0x7fff + (BitConverter.SingleToUInt32Bits(value) >> 16 & 1)) >> 16);
        else
            ((float*)pointer)[at] = value;
    });

    /// <summary>Every element's index in N, C, H, W order and in memory.</summary>
    private void ForEach(Action<int, long> visit)
    {
        int i = 0;
        for (long n = 0, atN = 0; n < Dims[0]; n++, atN += _strides[0])
        {
            for (long c = 0, atC = atN; c < Dims[1]; c++, atC += _strides[1])
            {
                for (long h = 0, atH = atC; h < Dims[2]; h++, atH += _strides[2])
                {
                    for (long w = 0, at = atH; w < Dims[3]; w++, at += _strides[3])
                        visit(i++, at);
                }
            }
        }
    }
}
