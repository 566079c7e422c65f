using System.Runtime.CompilerServices;
using Iba.Engine.Backends.Cuda.Native;

namespace Iba.Engine.Backends.Cuda;

/// <summary>The kernels on one device. Each file is loaded when its first kernel is requested.</summary>
internal sealed unsafe class Kernels(Device device, KernelCompiler compiler) : IDisposable
{
    private readonly Dictionary<string, DeviceHandle> _modules = [];
    private readonly Dictionary<string, nint> _functions = [];
    private readonly Dictionary<string, int> _granted = [];

    /// <summary>Files that run from PTX, and why.</summary>
    public IReadOnlyDictionary<string, string> Refusals => compiler.Refusals;

    /// <summary>Launches a kernel on the device's stream.</summary>
    public void Run(in Launch launch)
    {
        nint function = Function(launch.File, launch.Kernel);
        if (launch.SharedBytes > Launch.MaxSharedBytes)
            Grant(launch.Kernel, function, launch.SharedBytes);
        ReadOnlySpan<Argument> arguments = launch.Arguments;
        void** addresses = stackalloc void*[Launch.MaxArguments];
        // The launch is on the caller's stack, so its arguments do not move while the driver copies them.
        for (int i = 0; i < arguments.Length; i++)
            addresses[i] = Unsafe.AsPointer(ref Unsafe.AsRef(in arguments[i]));
        CUresult result = device.Driver.cuLaunchKernel(
            function, launch.Grid.X, launch.Grid.Y, 1, launch.Block.X, launch.Block.Y, 1, (uint)launch.SharedBytes, device.Stream, addresses, null);
        if (result != CUresult.CUDA_SUCCESS)
            device.Check(result, $"cuLaunchKernel({launch.Kernel})");
    }

    public void Dispose()
    {
        foreach (DeviceHandle module in _modules.Values)
            module.Dispose();
        _modules.Clear();
        _functions.Clear();
    }

    /// <summary>Lets a kernel have more dynamic shared memory than every device grants by itself.</summary>
    private void Grant(string kernel, nint function, int bytes)
    {
        if (_granted.GetValueOrDefault(kernel) >= bytes)
            return;
        device.Check(
            device.Driver.cuFuncSetAttribute(function, Driver.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, bytes), $"cuFuncSetAttribute({kernel})");
        _granted[kernel] = bytes;
    }

    private nint Function(string file, string kernel)
    {
        if (_functions.TryGetValue(kernel, out nint known))
            return known;
        device.NotInCapture($"loads {file}.cu");

        nint function;
        fixed (byte* name = Utf8.Write(kernel))
            device.Check(device.Driver.cuModuleGetFunction(&function, Module(file), name), $"cuModuleGetFunction({kernel})");
        // With lazy loading, a kernel would be loaded at its first launch, which may be inside a capture.
        if (device.Driver.cuFuncLoad is not null)
            device.Check(device.Driver.cuFuncLoad(function), $"cuFuncLoad({kernel})");
        return _functions[kernel] = function;
    }

    private nint Module(string file)
    {
        if (!_modules.TryGetValue(file, out DeviceHandle? module))
            _modules[file] = module = new DeviceHandle(device, Resource.Module, (ulong)Load(file, compiler.Code(file)));
        return (nint)module.Value;
    }

    private nint Load(string file, byte[] code)
    {
        const int logBytes = 4096;
        byte* log = stackalloc byte[logBytes];
        log[0] = 0;
        int* options = stackalloc int[] { Driver.CU_JIT_ERROR_LOG_BUFFER, Driver.CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES };
        void** values = stackalloc void*[] { log, (void*)logBytes };
        nint module;
        CUresult result;
        fixed (byte* image = code)
            result = device.Driver.cuModuleLoadDataEx(&module, image, 2, options, values);
        log[logBytes - 1] = 0;
        device.Check(result, $"cuModuleLoadData({file}.cu){(log[0] == 0 ? "" : $" [{Utf8.Read(log).Trim()}]")}");
        return module;
    }
}
