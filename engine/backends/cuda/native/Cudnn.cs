using System.Runtime.CompilerServices;

namespace Iba.Engine.Backends.Cuda.Native;

/// <summary>cuDNN 9's backend graph API. Functions return 0 or a cudnnStatus; its category is code / 1000 x 1000.</summary>
internal sealed unsafe class Cudnn
{
    public readonly delegate* unmanaged<nuint> cudnnGetVersion;
    public readonly delegate* unmanaged<nuint> cudnnGetCudartVersion;
    public readonly delegate* unmanaged<cudnnStatus, byte*> cudnnGetErrorString;
    public readonly delegate* unmanaged<byte*, nuint, void> cudnnGetLastErrorString;
    public readonly delegate* unmanaged<nint*, cudnnStatus> cudnnCreate;
    public readonly delegate* unmanaged<nint, cudnnStatus> cudnnDestroy;
    public readonly delegate* unmanaged<nint, nint, cudnnStatus> cudnnSetStream;
    public readonly delegate* unmanaged<cudnnBackendDescriptorType, nint*, cudnnStatus> cudnnBackendCreateDescriptor;
    public readonly delegate* unmanaged<nint, cudnnStatus> cudnnBackendDestroyDescriptor;
    public readonly delegate* unmanaged<nint, cudnnStatus> cudnnBackendFinalize;
    public readonly delegate* unmanaged<nint, cudnnBackendAttributeName, cudnnBackendAttributeType, long, void*, cudnnStatus> cudnnBackendSetAttribute;

    /// <summary>descriptor, name, type, elements requested, elements available, elements.</summary>
    public readonly delegate* unmanaged<nint, cudnnBackendAttributeName, cudnnBackendAttributeType, long, long*, void*, cudnnStatus>
        cudnnBackendGetAttribute;

    /// <summary>handle, plan, variant pack.</summary>
    public readonly delegate* unmanaged<nint, nint, nint, cudnnStatus> cudnnBackendExecute;

    /// <exception cref="EntryPointNotFoundException">The library is older than 9.</exception>
    public Cudnn(Func<string, nint> find)
    {
        var exports = new Exports("cuDNN", find);
        cudnnGetVersion = (delegate* unmanaged<nuint>)exports.Required(nameof(cudnnGetVersion));
        cudnnGetCudartVersion = (delegate* unmanaged<nuint>)exports.Required(nameof(cudnnGetCudartVersion));
        cudnnGetErrorString = (delegate* unmanaged<cudnnStatus, byte*>)exports.Required(nameof(cudnnGetErrorString));
        cudnnGetLastErrorString = (delegate* unmanaged<byte*, nuint, void>)exports.Required(nameof(cudnnGetLastErrorString));
        cudnnCreate = (delegate* unmanaged<nint*, cudnnStatus>)exports.Required(nameof(cudnnCreate));
        cudnnDestroy = (delegate* unmanaged<nint, cudnnStatus>)exports.Required(nameof(cudnnDestroy));
        cudnnSetStream = (delegate* unmanaged<nint, nint, cudnnStatus>)exports.Required(nameof(cudnnSetStream));
        cudnnBackendCreateDescriptor = (delegate* unmanaged<cudnnBackendDescriptorType, nint*, cudnnStatus>)
            exports.Required(nameof(cudnnBackendCreateDescriptor));
        cudnnBackendDestroyDescriptor = (delegate* unmanaged<nint, cudnnStatus>)exports.Required(nameof(cudnnBackendDestroyDescriptor));
        cudnnBackendFinalize = (delegate* unmanaged<nint, cudnnStatus>)exports.Required(nameof(cudnnBackendFinalize));
        cudnnBackendSetAttribute = (delegate* unmanaged<nint, cudnnBackendAttributeName, cudnnBackendAttributeType, long, void*, cudnnStatus>)
            exports.Required(nameof(cudnnBackendSetAttribute));
        cudnnBackendGetAttribute = (delegate* unmanaged<nint, cudnnBackendAttributeName, cudnnBackendAttributeType, long, long*, void*, cudnnStatus>)
            exports.Required(nameof(cudnnBackendGetAttribute));
        cudnnBackendExecute = (delegate* unmanaged<nint, nint, nint, cudnnStatus>)exports.Required(nameof(cudnnBackendExecute));
        exports.Check();
    }

    /// <summary>Major, minor and patch: 91301 is 9.13.1.</summary>
    public static string Print(nuint version) => $"{version / 10000}.{version / 100 % 100}.{version % 100}";

    /// <summary>The library's text for its last error on this thread.</summary>
    [SkipLocalsInit]
    public string LastError(cudnnStatus status)
    {
        const int size = 1024;
        byte* text = stackalloc byte[size];
        text[0] = 0;
        cudnnGetLastErrorString(text, size);
        text[size - 1] = 0;
        string detail = Utf8.Read(text).Trim();
        return detail.Length == 0 ? $"{Utf8.Read(cudnnGetErrorString(status))} ({(int)status})" : $"{(int)status}: {detail}";
    }
}
