using System.Runtime.InteropServices;
using Iba.Engine.Backends.Cuda.Native;

namespace Tests.Emulator;

/// <summary>One call of cudnnBackendSetAttribute, with the elements' bytes as they were given.</summary>
internal sealed record FakeAttribute(cudnnBackendAttributeName Name, cudnnBackendAttributeType Type, long Count, byte[] Bytes)
{
    public T[] As<T>() where T : unmanaged => MemoryMarshal.Cast<byte, T>(Bytes).ToArray();
}

/// <summary>A descriptor: attributes in the order in which they were set.</summary>
internal sealed class FakeDescriptor(nint handle, cudnnBackendDescriptorType kind)
{
    public nint Handle => handle;
    public cudnnBackendDescriptorType Kind => kind;
    public List<FakeAttribute> Attributes { get; } = [];
    public bool Finalized { get; set; }

    /// <summary>What the library itself puts into descriptors that it fills.</summary>
    public FakeEngine? Engine { get; set; }

    /// <summary>The operation graph that an engine, its configuration and its plan belong to.</summary>
    public FakeDescriptor? Graph { get; set; }

    public (int Type, long Value) Knob { get; set; }

    public FakeAttribute this[cudnnBackendAttributeName name] => Attributes.Single(attribute => attribute.Name == name);

    public bool Has(cudnnBackendAttributeName name) => Attributes.Any(attribute => attribute.Name == name);
}

/// <summary>An engine that the fake offers.</summary>
internal sealed record FakeEngine(long Index)
{
    public int[] Notes { get; init; } = [];
    public int[] Behaviour { get; init; } = [];
    public (int Type, long Value)[] Knobs { get; init; } = [];
    public long Workspace { get; init; }

    /// <summary>Whether a plan with it cannot be built.</summary>
    public bool Fails { get; init; }

    /// <summary>Changes each element of a result; null for the correct result.</summary>
    public Func<double, double>? Distort { get; init; }

    /// <summary>Whether it does not write its result.</summary>
    public bool WritesNothing { get; init; }

    /// <summary>Whether it reads its addend after it has begun to write its result, so that both in one place give wrong numbers.</summary>
    public bool BreaksInPlace { get; init; }

    /// <summary>Which heuristic offers it.</summary>
    public cudnnBackendHeurMode Mode { get; init; } = cudnnBackendHeurMode.CUDNN_HEUR_MODE_A;

    /// <summary>How many operations a graph may have for this engine.</summary>
    public int MostOperations { get; init; } = 9;
}

/// <summary>cuDNN without a GPU: it records every descriptor, and checks the library's rules about order and sizes.</summary>
internal sealed unsafe partial class FakeCudnn : IDisposable
{
    [ThreadStatic]
    private static FakeCudnn? _current;

    private readonly Dictionary<nint, FakeDescriptor> _live = [];
    private readonly Dictionary<nint, FakeDescriptor> _ever = [];
    private readonly HashSet<nint> _handles = [];

    public FakeCudnn() => _current = this;

    /// <summary>Answers the calls of this thread too, from here on.</summary>
    public void Join() => _current = this;

    /// <summary>Called before a handle or a descriptor is destroyed.</summary>
    public Action? Destroying { get; set; }

    public nuint Version { get; set; } = 91301;
    public nuint Runtime { get; set; } = 12090;
    public cudnnStatus Creation { get; set; }
    public List<FakeEngine> Engines { get; } = [new FakeEngine(1)];

    /// <summary>Attributes that this version does not tell.</summary>
    public HashSet<cudnnBackendAttributeName> Untold { get; } = [];

    /// <summary>Every descriptor that was ever made, in order.</summary>
    public List<FakeDescriptor> Made { get; } = [];

    /// <summary>Faults in the way the library was used.</summary>
    public List<string> Misuse { get; } = [];

    /// <summary>Every execution: engine, unique ids, pointers, workspace.</summary>
    public List<(long Engine, long[] Ids, ulong[] Pointers, ulong Workspace)> Executed { get; } = [];

    public int LiveDescriptors => _live.Count;

    public int LiveHandles => _handles.Count;

    public nint Stream { get; private set; }

    /// <summary>Whether executions compute the described operations.</summary>
    public bool Computes { get; set; }

    /// <summary>Called with an execution's graph when it runs.</summary>
    public Action<FakeDescriptor>? Ran { get; set; }

    /// <summary>Where executions go, so that they are captured with everything else on the stream.</summary>
    public Func<Action, bool>? Enqueue { get; set; }

    public bool IsLive(nint handle) => _live.ContainsKey(handle);

    public nint Find(string name) => Addresses.GetValueOrDefault(name);

    public Cudnn Table() => new(Find);

    public void Dispose() => _current = _current == this ? null : _current;

    /// <summary>The descriptor of that handle, alive or not: handles are never used twice.</summary>
    public FakeDescriptor Ever(nint handle) => _ever[handle];

    public static int SizeOf(cudnnBackendAttributeType type) => type switch
    {
        cudnnBackendAttributeType.CUDNN_TYPE_BOOLEAN or cudnnBackendAttributeType.CUDNN_TYPE_CHAR => 1,
        cudnnBackendAttributeType.CUDNN_TYPE_HANDLE or cudnnBackendAttributeType.CUDNN_TYPE_INT64 or cudnnBackendAttributeType.CUDNN_TYPE_DOUBLE
            or cudnnBackendAttributeType.CUDNN_TYPE_VOID_PTR or cudnnBackendAttributeType.CUDNN_TYPE_BACKEND_DESCRIPTOR => 8,
        _ => 4,
    };

    private static FakeCudnn Now => _current ?? throw new InvalidOperationException("a cuDNN call on a thread without a fake cuDNN");

    private cudnnStatus Refuse(string why)
    {
        Misuse.Add(why);
        return cudnnStatus.CUDNN_STATUS_BAD_PARAM;
    }

    private static readonly byte* SomeText = (byte*)Marshal.StringToCoTaskMemUTF8("CUDNN_STATUS_SOMETHING");

    [UnmanagedCallersOnly]
    private static nuint cudnnGetVersion() => Now.Version;

    [UnmanagedCallersOnly]
    private static nuint cudnnGetCudartVersion() => Now.Runtime;

    [UnmanagedCallersOnly]
    private static byte* cudnnGetErrorString(cudnnStatus status) => SomeText;

    [UnmanagedCallersOnly]
    private static void cudnnGetLastErrorString(byte* text, nuint size) => "the fake refuses\0"u8.CopyTo(new Span<byte>(text, (int)size));

    [UnmanagedCallersOnly]
    private static cudnnStatus cudnnCreate(nint* handle)
    {
        if (Now.Creation != cudnnStatus.CUDNN_STATUS_SUCCESS)
            return Now.Creation;
        *handle = Next(Now);
        Now._handles.Add(*handle);
        return cudnnStatus.CUDNN_STATUS_SUCCESS;
    }

    [UnmanagedCallersOnly]
    private static cudnnStatus cudnnDestroy(nint handle)
    {
        Now.Destroying?.Invoke();
        return Now._handles.Remove(handle) ? cudnnStatus.CUDNN_STATUS_SUCCESS : Now.Refuse("an unknown handle is destroyed");
    }

    [UnmanagedCallersOnly]
    private static cudnnStatus cudnnSetStream(nint handle, nint stream)
    {
        Now.Stream = stream;
        return Now._handles.Contains(handle) ? cudnnStatus.CUDNN_STATUS_SUCCESS : Now.Refuse("a stream for an unknown handle");
    }

    [UnmanagedCallersOnly]
    private static cudnnStatus cudnnBackendCreateDescriptor(cudnnBackendDescriptorType kind, nint* descriptor)
    {
        FakeCudnn now = Now;
        if (kind == cudnnBackendDescriptorType.CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR && now.Version < FirstDescribing)
            return cudnnStatus.CUDNN_STATUS_BAD_PARAM;
        *descriptor = Next(now);
        var made = new FakeDescriptor(*descriptor, kind);
        now._live[*descriptor] = made;
        now.Made.Add(made);
        now._ever[*descriptor] = made;
        return cudnnStatus.CUDNN_STATUS_SUCCESS;
    }

    [UnmanagedCallersOnly]
    private static cudnnStatus cudnnBackendDestroyDescriptor(nint descriptor)
    {
        Now.Destroying?.Invoke();
        return Now._live.Remove(descriptor) ? cudnnStatus.CUDNN_STATUS_SUCCESS : Now.Refuse("an unknown descriptor is destroyed");
    }

    [UnmanagedCallersOnly]
    private static cudnnStatus cudnnBackendSetAttribute(
        nint descriptor, cudnnBackendAttributeName name, cudnnBackendAttributeType type, long count, void* elements)
    {
        FakeCudnn now = Now;
        if (!now._live.TryGetValue(descriptor, out FakeDescriptor? to) || to.Finalized)
            return now.Refuse($"{name} is set on a descriptor that is unknown or final");
        byte[] bytes = new Span<byte>(elements, checked((int)count * SizeOf(type))).ToArray();
        var attribute = new FakeAttribute(name, type, count, bytes);
        if (type == cudnnBackendAttributeType.CUDNN_TYPE_BACKEND_DESCRIPTOR
            && attribute.As<nint>().Any(part => !now._live.TryGetValue(part, out FakeDescriptor? described) || !described.Finalized))
        {
            return now.Refuse($"{name} names a descriptor that is not final");
        }
        to.Attributes.Add(attribute);
        return cudnnStatus.CUDNN_STATUS_SUCCESS;
    }

    [UnmanagedCallersOnly]
    private static cudnnStatus cudnnBackendGetAttribute(
        nint descriptor, cudnnBackendAttributeName name, cudnnBackendAttributeType type, long requested, long* returned, void* elements)
    {
        FakeCudnn now = Now;
        FakeDescriptor from = now._live[descriptor];
        if (now.Untold.Contains(name))
            return cudnnStatus.CUDNN_STATUS_NOT_SUPPORTED;
        switch (name)
        {
            case cudnnBackendAttributeName.CUDNN_ATTR_ENGINEHEUR_RESULTS:
                FakeEngine[] offers = now.Offers(from);
                *returned = requested == 0 ? offers.Length : Math.Min(requested, offers.Length);
                FakeDescriptor graph = now.Ever(from[cudnnBackendAttributeName.CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH].As<nint>()[0]);
                for (int i = 0; i < requested && i < offers.Length; i++)
                {
                    FakeDescriptor filled = now._live[((nint*)elements)[i]];
                    (filled.Engine, filled.Graph, filled.Finalized) = (offers[i], graph, true);
                }
                return cudnnStatus.CUDNN_STATUS_SUCCESS;
            case cudnnBackendAttributeName.CUDNN_ATTR_ENGINECFG_ENGINE:
                FakeDescriptor engine = now._live[*(nint*)elements];
                (engine.Engine, engine.Finalized, *returned) = (from.Engine, true, 1);
                return cudnnStatus.CUDNN_STATUS_SUCCESS;
            case cudnnBackendAttributeName.CUDNN_ATTR_ENGINECFG_KNOB_CHOICES:
                (int Type, long Value)[] knobs = from.Engine!.Knobs;
                *returned = knobs.Length;
                for (int i = 0; i < requested && i < knobs.Length; i++)
                    (now._live[((nint*)elements)[i]].Knob, now._live[((nint*)elements)[i]].Finalized) = (knobs[i], true);
                return cudnnStatus.CUDNN_STATUS_SUCCESS;
            case cudnnBackendAttributeName.CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE:
                return One(type, cudnnBackendAttributeType.CUDNN_TYPE_KNOB_TYPE, returned, (int*)elements, from.Knob.Type);
            case cudnnBackendAttributeName.CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE:
                return One(type, cudnnBackendAttributeType.CUDNN_TYPE_INT64, returned, (long*)elements, from.Knob.Value);
            case cudnnBackendAttributeName.CUDNN_ATTR_ENGINE_GLOBAL_INDEX:
                return One(type, cudnnBackendAttributeType.CUDNN_TYPE_INT64, returned, (long*)elements, from.Engine!.Index);
            case cudnnBackendAttributeName.CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE:
                return One(type, cudnnBackendAttributeType.CUDNN_TYPE_INT64, returned, (long*)elements, from.Engine!.Workspace);
            case cudnnBackendAttributeName.CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION:
                return Many(Printed(now, from), requested, returned, (byte*)elements);
            case cudnnBackendAttributeName.CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION:
                return Many(System.Text.Encoding.UTF8.GetBytes(now.Gpu + "\0"), requested, returned, (byte*)elements);
            case cudnnBackendAttributeName.CUDNN_ATTR_ENGINE_NUMERICAL_NOTE:
                return Many(from.Engine!.Notes, requested, returned, (int*)elements);
            case cudnnBackendAttributeName.CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE:
                return Many(from.Engine!.Behaviour, requested, returned, (int*)elements);
            default:
                return now.Refuse($"{name} is asked for");
        }
    }

    [UnmanagedCallersOnly]
    private static cudnnStatus cudnnBackendExecute(nint handle, nint plan, nint pack)
    {
        FakeCudnn now = Now;
        FakeDescriptor executed = now._live[plan], variant = now._live[pack];
        if (!executed.Finalized || !variant.Finalized || !now._handles.Contains(handle))
            return now.Refuse("an execution of something that is not final");
        long[] ids = variant[cudnnBackendAttributeName.CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS].As<long>();
        ulong[] pointers = variant[cudnnBackendAttributeName.CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS].As<ulong>();
        ulong workspace = variant[cudnnBackendAttributeName.CUDNN_ATTR_VARIANT_PACK_WORKSPACE].As<ulong>()[0];
        Action work = () =>
        {
            now.Executed.Add((executed.Engine!.Index, ids, pointers, workspace));
            now.Ran?.Invoke(executed.Graph!);
            if (now.Computes)
                FakeArithmetic.Compute(now, executed.Engine, executed.Graph!, ids.Zip(pointers).ToDictionary());
        };
        if (now.Enqueue is null)
            work();
        else if (!now.Enqueue(work))
            return cudnnStatus.CUDNN_STATUS_BAD_PARAM;
        return cudnnStatus.CUDNN_STATUS_SUCCESS;
    }

    private FakeEngine[] Offers(FakeDescriptor heuristic)
    {
        var mode = (cudnnBackendHeurMode)heuristic[cudnnBackendAttributeName.CUDNN_ATTR_ENGINEHEUR_MODE].As<int>()[0];
        FakeDescriptor graph = Ever(heuristic[cudnnBackendAttributeName.CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH].As<nint>()[0]);
        return [.. OfGraph(graph).Where(engine => engine.Mode == mode)];
    }

    private static int Operations(FakeDescriptor graph) => (int)graph[cudnnBackendAttributeName.CUDNN_ATTR_OPERATIONGRAPH_OPS].Count;

    private static cudnnStatus One<T>(cudnnBackendAttributeType asked, cudnnBackendAttributeType type, long* returned, T* to, T value) where T : unmanaged
    {
        if (asked != type)
            return Now.Refuse($"{asked} is asked for where {type} is right");
        (*returned, *to) = (1, value);
        return cudnnStatus.CUDNN_STATUS_SUCCESS;
    }

    private static cudnnStatus Many<T>(T[] values, long requested, long* returned, T* to) where T : unmanaged
    {
        *returned = values.Length;
        for (int i = 0; i < requested && i < values.Length; i++)
            to[i] = values[i];
        return cudnnStatus.CUDNN_STATUS_SUCCESS;
    }

    private static readonly Dictionary<string, nint> Addresses = new()
    {
        ["cudnnGetVersion"] = (nint)(delegate* unmanaged<nuint>)&cudnnGetVersion,
        ["cudnnGetCudartVersion"] = (nint)(delegate* unmanaged<nuint>)&cudnnGetCudartVersion,
        ["cudnnGetErrorString"] = (nint)(delegate* unmanaged<cudnnStatus, byte*>)&cudnnGetErrorString,
        ["cudnnGetLastErrorString"] = (nint)(delegate* unmanaged<byte*, nuint, void>)&cudnnGetLastErrorString,
        ["cudnnCreate"] = (nint)(delegate* unmanaged<nint*, cudnnStatus>)&cudnnCreate,
        ["cudnnDestroy"] = (nint)(delegate* unmanaged<nint, cudnnStatus>)&cudnnDestroy,
        ["cudnnSetStream"] = (nint)(delegate* unmanaged<nint, nint, cudnnStatus>)&cudnnSetStream,
        ["cudnnBackendCreateDescriptor"] = (nint)(delegate* unmanaged<cudnnBackendDescriptorType, nint*, cudnnStatus>)&cudnnBackendCreateDescriptor,
        ["cudnnBackendDestroyDescriptor"] = (nint)(delegate* unmanaged<nint, cudnnStatus>)&cudnnBackendDestroyDescriptor,
        ["cudnnBackendFinalize"] = (nint)(delegate* unmanaged<nint, cudnnStatus>)&cudnnBackendFinalize,
        ["cudnnBackendSetAttribute"] =
            (nint)(delegate* unmanaged<nint, cudnnBackendAttributeName, cudnnBackendAttributeType, long, void*, cudnnStatus>)&cudnnBackendSetAttribute,
        ["cudnnBackendGetAttribute"] =
            (nint)(delegate* unmanaged<nint, cudnnBackendAttributeName, cudnnBackendAttributeType, long, long*, void*, cudnnStatus>)&cudnnBackendGetAttribute,
        ["cudnnBackendExecute"] = (nint)(delegate* unmanaged<nint, nint, nint, cudnnStatus>)&cudnnBackendExecute,
    };
}
