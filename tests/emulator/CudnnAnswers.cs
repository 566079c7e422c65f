using Iba.Engine.Backends.Cuda.Native;
using static Iba.Engine.Backends.Cuda.Native.cudnnBackendAttributeName;

namespace Tests.Emulator;

/// <summary>
/// The engines that the real cuDNN offered for our graphs on compute capability 9.0, by what a graph is: an index, negative where the engine is compiled at
/// run time. Asked of cuDNN 9.15.1, 9.20.0, 9.24.0 and 9.28.1 with a described H200; no engine ran.
/// </summary>
internal static class CudnnAnswers
{
    private const int Bf16 = 9, Identity = 21, Gate = 200;

    private const int TensorCore = 0;

    /// <summary>The engines of a graph in both heuristics' order.</summary>
    public static IEnumerable<FakeEngine> Of(FakeCudnn cudnn, FakeDescriptor graph)
    {
        FakeDescriptor[] operations = [.. graph[CUDNN_ATTR_OPERATIONGRAPH_OPS].As<nint>().Select(cudnn.Ever)];
        bool forward = operations[0].Kind == cudnnBackendDescriptorType.CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR;
        if (!forward && operations[0].Kind != cudnnBackendDescriptorType.CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR)
            return [];
        cudnnBackendAttributeName first = forward ? CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA : CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA;
        FakeDescriptor Part(FakeDescriptor of, cudnnBackendAttributeName name) => cudnn.Ever(of[name].As<nint>()[0]);
        int TypeOf(FakeDescriptor tensor) => tensor[CUDNN_ATTR_TENSOR_DATA_TYPE].As<int>()[0];
        long stride = Part(operations[0], first + 2)[CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES].As<long>()[0];
        FakeDescriptor x = Part(operations[0], first + 4), sum = forward ? Part(operations[0], first + 5) : x;
        long channels = x[CUDNN_ATTR_TENSOR_DIMENSIONS].As<long>()[1];
        int[] steps =
            [.. operations.Skip(1).Select(step => Part(step, CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR)[CUDNN_ATTR_POINTWISE_MODE].As<int>()[0])];
        FakeDescriptor last = operations[^1];
        FakeDescriptor result = steps.Length == 0 ? sum
            : Part(last, steps[^1] == Gate ? CUDNN_ATTR_OPERATION_POINTWISE_DXDESC : CUDNN_ATTR_OPERATION_POINTWISE_YDESC);
        int input = TypeOf(Part(operations[0], first + 3));
        return input == Bf16
            ? Engines(cudnn, TypeOf(result) == Bf16 ? InBf16(forward, stride, channels, steps) : ToFloat(forward, stride, channels, steps), [])
            : [.. Engines(cudnn, InTf32(forward, stride, channels, steps), [TensorCore]),
                .. Engines(cudnn, InFp32(cudnn, forward, stride, channels, steps), [])];
    }

    private static IEnumerable<FakeEngine> Engines(FakeCudnn cudnn, int[] indices, int[] notes) => indices
        // 9.20 asks the driver for what a description does not tell, and offers engine 4 to no described GPU.
        .Where(index => index != -4 || cudnn.Version / 100 != 920)
        .Select(index => new FakeEngine(Math.Abs(index)) { Behaviour = index < 0 ? [0] : [], Notes = notes });

    private static int[] InBf16(bool forward, long stride, long channels, int[] steps) => (forward, steps.Length > 0) switch
    {
        (true, true) => channels == 3 ? [-7, -8] : [-4, -7],
        (true, false) => [62],
        (false, true) => channels == 3 ? [] : stride > 1 ? [-1] : [-4],
        _ => channels == 3 ? [46, 73, 40] : stride > 1 ? [73, 64, 46] : [67, 73],
    };

    /// <summary>bfloat16 factors, float32 result: without an IDENTITY step first, forward graphs have no engine that can be built.</summary>
    private static int[] ToFloat(bool forward, long stride, long channels, int[] steps) => (forward, steps) switch
    {
        (true, [Identity, ..]) => channels == 3 ? [-7, -8] : [-4, -7],
        (true, _) => [],
        (false, [] or [Identity]) => channels == 3 || stride > 1 ? [] : [-78],
        _ => channels == 3 ? [] : stride > 1 ? [-1] : [-4],
    };

    private static int[] InTf32(bool forward, long stride, long channels, int[] steps) => (forward, steps.Length > 0) switch
    {
        (true, _) => channels == 3 ? [33, 11, 26] : steps.Contains(Gate) ? [-4, -7, -2] : [51, 26, 29],
        (false, true) => channels == 3 ? [] : stride > 1 ? [-1] : [-4],
        _ => channels == 3 ? [25, 58, 76] : stride > 1 ? [76, 65, 58] : [71, 76],
    };

    private static int[] InFp32(FakeCudnn cudnn, bool forward, long stride, long channels, int[] steps) => (forward, steps.Length > 0) switch
    {
        (true, _) => channels == 3 ? [11, 44] : steps.Contains(Gate) ? [-8] : [44, 11],
        (false, true) => cudnn.Version / 100 == 915 ? [] : [-8],
        _ => channels == 3 ? [2, 0] : stride > 1 ? [2] : [74, 2],
    };
}
