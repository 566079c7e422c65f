using Iba.Engine.Backends.Cuda.Native;
using static Iba.Engine.Backends.Cuda.Native.cudnnBackendAttributeName;
using static Iba.Engine.Backends.Cuda.Native.cudnnBackendAttributeType;
using static Iba.Engine.Backends.Cuda.Native.cudnnBackendDescriptorType;
using static Iba.Engine.Backends.Cuda.Native.cudnnDataType;
using static Iba.Engine.Backends.Cuda.Native.cudnnPointwiseMode;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>The tensors of a graph. The value is the tensor's unique id in the graph.</summary>
internal enum Role
{
    X = 1,
    W,
    Y,
    Bias,
    Addend,
    Gate,
}

/// <summary>
/// A convolution unit as a cuDNN operation graph. The layout is channels last throughout: dimensions are given in N, C, H, W order, and
/// strides make channels contiguous. Intermediate tensors between operations are virtual float32 and never written to memory.
/// </summary>
/// <param name="descriptors">Creates the descriptors.</param>
/// <param name="unit">What the graph computes.</param>
internal sealed class ConvolutionGraph(Descriptors descriptors, ConvolutionUnit unit)
{
    private readonly List<nint> _operations = [];
    private int _virtuals;

    /// <summary>The tensors that an execution must provide, in the order of their creation.</summary>
    public List<Role> Roles { get; } = [];

    private cudnnDataType Output => unit.Halves ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;

    private cudnnDataType Input => unit.Precision == Precision.BFloat16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;

    /// <summary>
    /// The whole unit in one graph: the sum and everything that follows it. Where tensors are float32, a bfloat16 unit ends in a conversion even if
    /// nothing follows the sum.
    /// </summary>
    /// <param name="handle">cuDNN's handle; 0 for a GPU that is only described.</param>
    /// <param name="biasFirst">Whether the bias is added before the addend: some engines support only one of the orders.</param>
    public nint Fused(nint handle, bool biasFirst = false)
    {
        nint sum = Virtual();
        Sum(sum);
        List<(cudnnPointwiseMode Mode, Role? Other)> steps = [];
        // bfloat16 in and float32 out: forward engines exist only where the sum's type is set before anything is added to it.
        bool converts = unit is { Precision: Precision.BFloat16, Direction: Direction.Forward, Halves: false };
        if (unit.Addend)
            steps.Add((CUDNN_POINTWISE_ADD, Role.Addend));
        if (unit.Bias)
            steps.Insert(biasFirst ? 0 : steps.Count, (CUDNN_POINTWISE_ADD, Role.Bias));
        if (unit.Relu)
            steps.Add((CUDNN_POINTWISE_RELU_FWD, null));
        if (unit.Gate)
            steps.Add((CUDNN_POINTWISE_RELU_BWD, Role.Gate));
        if (steps.Count == 0 || converts)
            steps.Insert(0, (CUDNN_POINTWISE_IDENTITY, null));
        for (int i = 0; i < steps.Count; i++)
        {
            nint other = steps[i].Other is { } role ? Tensor(role, role == Role.Bias ? CUDNN_DATA_FLOAT : Output) : 0;
            nint result = i == steps.Count - 1 ? Tensor(unit.Result, Output) : Virtual();
            Pointwise(steps[i].Mode, sum, other, result);
            sum = result;
        }
        return Graph(handle);
    }

    /// <summary>The sum alone, with a result of the inputs' type.</summary>
    public nint Single(nint handle)
    {
        Sum(Tensor(unit.Result, Input));
        return Graph(handle);
    }

    private void Sum(nint result)
    {
        nint convolution = Convolution();
        (cudnnBackendDescriptorType kind, cudnnBackendAttributeName alpha) = unit.Direction switch
        {
            Direction.Forward => (CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA),
            Direction.BackwardData => (CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA),
            _ => (CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA),
        };
        // cuDNN's order of attributes: alpha, beta, convolution, then the tensors W X Y, W DX DY or DW X DY.
        nint w = unit.Direction == Direction.BackwardWeights ? result : Tensor(Role.W, Input);
        nint x = unit.Direction == Direction.BackwardData ? result : Tensor(Role.X, Input);
        nint y = unit.Direction == Direction.Forward ? result : Tensor(Role.Y, Input);
        nint operation = descriptors.New(kind);
        descriptors.Set(operation, alpha, 1f);
        descriptors.Set(operation, alpha + 1, 0f);
        descriptors.SetParts(operation, alpha + 2, convolution);
        descriptors.SetParts(operation, alpha + 3, w);
        descriptors.SetParts(operation, alpha + 4, x);
        descriptors.SetParts(operation, alpha + 5, y);
        _operations.Add(descriptors.Finish(operation));
    }

    /// <summary>The forward geometry, for all three directions.</summary>
    private nint Convolution()
    {
        (int stride, int padding) = (unit.Geometry.Stride, unit.Geometry.Padding);
        nint convolution = descriptors.New(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
        descriptors.Set(convolution, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
        descriptors.Set(convolution, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, cudnnConvolutionMode.CUDNN_CROSS_CORRELATION);
        descriptors.Set(convolution, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, 2L);
        descriptors.Set(convolution, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, padding, padding);
        descriptors.Set(convolution, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, padding, padding);
        descriptors.Set(convolution, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, stride, stride);
        descriptors.Set(convolution, CUDNN_ATTR_CONVOLUTION_DILATIONS, 1L, 1L);
        return descriptors.Finish(convolution);
    }

    private void Pointwise(cudnnPointwiseMode mode, nint x, nint other, nint result)
    {
        nint pointwise = descriptors.New(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
        descriptors.Set(pointwise, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, mode);
        descriptors.Set(pointwise, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
        if (mode is CUDNN_POINTWISE_RELU_FWD or CUDNN_POINTWISE_RELU_BWD)
        {
            // By default cuDNN's ReLU turns NaN into 0, and some engines want its clips named.
            descriptors.Set(
                pointwise, CUDNN_ATTR_POINTWISE_NAN_PROPAGATION, CUDNN_TYPE_NAN_PROPOGATION, cudnnNanPropagation.CUDNN_PROPAGATE_NAN);
            descriptors.Set(pointwise, CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP, CUDNN_TYPE_DOUBLE, 0.0);
            descriptors.Set(pointwise, CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP, CUDNN_TYPE_DOUBLE, (double)float.MaxValue);
            descriptors.Set(pointwise, CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, CUDNN_TYPE_DOUBLE, 0.0);
        }
        descriptors.Finish(pointwise);

        nint operation = descriptors.New(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
        descriptors.SetParts(operation, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, pointwise);
        if (mode == CUDNN_POINTWISE_RELU_BWD)
        {
            // The ReLU's output is given as its input: one is positive exactly where the other is.
            descriptors.SetParts(operation, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, other);
            descriptors.SetParts(operation, CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, x);
            descriptors.SetParts(operation, CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, result);
        }
        else
        {
            descriptors.SetParts(operation, CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
            if (other != 0)
                descriptors.SetParts(operation, CUDNN_ATTR_OPERATION_POINTWISE_BDESC, other);
            descriptors.SetParts(operation, CUDNN_ATTR_OPERATION_POINTWISE_YDESC, result);
        }
        _operations.Add(descriptors.Finish(operation));
    }

    private nint Graph(nint handle)
    {
        nint graph = descriptors.New(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
        if (handle != 0)
            descriptors.Set(graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle);
        descriptors.SetParts(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, [.. _operations]);
        return descriptors.Finish(graph);
    }

    private nint Tensor(Role role, cudnnDataType type)
    {
        Roles.Add(role);
        return Tensor((long)role, Extents(role), type, isVirtual: false);
    }

    /// <summary>An intermediate tensor of the result's shape, with an id that no role uses.</summary>
    private nint Virtual() => Tensor(100 + _virtuals++, Extents(unit.Result), CUDNN_DATA_FLOAT, isVirtual: true);

    private nint Tensor(long id, (long N, long C, long H, long W) extents, cudnnDataType type, bool isVirtual)
    {
        (long n, long c, long h, long w) = extents;
        nint tensor = descriptors.New(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
        descriptors.Set(tensor, CUDNN_ATTR_TENSOR_DATA_TYPE, type);
        descriptors.Set(tensor, CUDNN_ATTR_TENSOR_DIMENSIONS, n, c, h, w);
        descriptors.Set(tensor, CUDNN_ATTR_TENSOR_STRIDES, h * w * c, 1, w * c, c);
        descriptors.Set(tensor, CUDNN_ATTR_TENSOR_UNIQUE_ID, id);
        descriptors.Set(tensor, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, (long)unit.Alignment);
        if (isVirtual)
            descriptors.Set(tensor, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, (byte)1);
        return descriptors.Finish(tensor);
    }

    private (long N, long C, long H, long W) Extents(Role role) => role switch
    {
        Role.X => (unit.N, unit.C, unit.H, unit.W),
        Role.W => (unit.K, unit.C, unit.Geometry.Kernel, unit.Geometry.Kernel),
        Role.Y => (unit.N, unit.K, unit.P, unit.Q),
        Role.Bias => (1, unit.K, 1, 1),
        _ => Extents(unit.Result),
    };
}
