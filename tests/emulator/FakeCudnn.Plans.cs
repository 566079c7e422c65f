using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Backends.Cuda.Native;
using static Iba.Engine.Backends.Cuda.Native.cudnnBackendAttributeName;
using static Iba.Engine.Backends.Cuda.Native.cudnnBackendDescriptorType;

namespace Tests.Emulator;

/// <summary>
/// What is finalized, for a GPU that is there and for one that is described. Of the second, cuDNN's manual and a trial with the real library tell the
/// attributes, their order and their types; anything else is refused. Plans can be finalized on any thread.
/// </summary>
internal sealed unsafe partial class FakeCudnn
{
    private const int FirstDescribing = 90800;

    /// <summary>What the real library wants of a description, one of them since 9.28.</summary>
    public static readonly string[] Fields =
    [
        "maxGridSize", "maxBlockSize", "regsPerBlock", "multiProcessorCount", "smCountOrigin", "warpSize", "maxSharedMemoryPerBlock",
        "maxSharedMemoryPerBlockOptin", "reservedSharedMemoryPerBlock", "maxRegistersPerSM", "maxCtasPerSM", "maxThreadsPerBlock", "maxThreadsPerSM",
        "pciDeviceId", "isTccDriver", "supportCoopLaunch", "totalGlobalMem", "smClockRateKHz", "memClockRateKHz", "l2CacheSize", "cudaDeviceId",
        "deviceVer", "driverVer", "deviceName",
    ];

    private static readonly ConcurrentDictionary<nint, FakeCudnn> Owners = new();
    private static long _last = 0x9000;

    private readonly Lock _finalizing = new();

    /// <summary>The engines of a graph, where they depend on it; null for <see cref="Engines"/>.</summary>
    public Func<FakeDescriptor, IEnumerable<FakeEngine>>? Answers { get; set; }

    /// <summary>What the library says of the GPU that is there.</summary>
    public string Gpu { get; set; } = GpuDescription.Read("h200").Json;

    /// <summary>Called on the thread that builds a plan.</summary>
    public Action<FakeEngine>? Building { get; set; }

    /// <summary>Plans that were built from an engine, and plans that were restored from their text.</summary>
    public int Built { get; private set; }

    public int Restored { get; private set; }

    /// <summary>How often engines were asked for.</summary>
    public int Searches => Made.Count(made => made.Kind == CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);

    private static nint Next(FakeCudnn owner)
    {
        nint handle = (nint)Interlocked.Increment(ref _last);
        Owners[handle] = owner;
        return handle;
    }

    private IEnumerable<FakeEngine> OfGraph(FakeDescriptor graph) =>
        Answers?.Invoke(graph) ?? Engines.Where(engine => engine.MostOperations >= Operations(graph));

    [UnmanagedCallersOnly]
    private static cudnnStatus cudnnBackendFinalize(nint descriptor)
    {
        FakeCudnn now = _current ?? Owners[descriptor];
        FakeDescriptor made;
        cudnnStatus status;
        lock (now._finalizing)
        {
            made = now._live[descriptor];
            status = now.Finish(made);
        }
        if (status == cudnnStatus.CUDNN_STATUS_SUCCESS && made.Has(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG))
            now.Building?.Invoke(made.Engine!);
        made.Finalized = status == cudnnStatus.CUDNN_STATUS_SUCCESS;
        return status;
    }

    private cudnnStatus Finish(FakeDescriptor made)
    {
        switch (made.Kind)
        {
            case CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR:
                return Described(made);
            case CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR:
                return InOrder(made, Part(made, CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH), CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_ATTR_ENGINEHEUR_MODE)
                    ? cudnnStatus.CUDNN_STATUS_SUCCESS : Refuse($"{made.Kind} is set in a wrong order");
            case CUDNN_BACKEND_ENGINE_DESCRIPTOR:
                made.Graph = Part(made, CUDNN_ATTR_ENGINE_OPERATION_GRAPH);
                long index = made[CUDNN_ATTR_ENGINE_GLOBAL_INDEX].As<long>()[0];
                made.Engine = OfGraph(made.Graph).FirstOrDefault(engine => engine.Index == index);
                if (!InOrder(made, made.Graph, CUDNN_ATTR_ENGINE_OPERATION_GRAPH, CUDNN_ATTR_ENGINE_GLOBAL_INDEX))
                    return Refuse($"{made.Kind} is set in a wrong order");
                return made.Engine is null ? cudnnStatus.CUDNN_STATUS_NOT_SUPPORTED : cudnnStatus.CUDNN_STATUS_SUCCESS;
            case CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR:
                made.Knob = (made[CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE].As<int>()[0], made[CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE].As<long>()[0]);
                return cudnnStatus.CUDNN_STATUS_SUCCESS;
            case CUDNN_BACKEND_ENGINECFG_DESCRIPTOR:
                FakeDescriptor configured = Part(made, CUDNN_ATTR_ENGINECFG_ENGINE);
                (made.Engine, made.Graph) = (configured.Engine, configured.Graph);
                return cudnnStatus.CUDNN_STATUS_SUCCESS;
            case CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR:
                return made.Has(CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION) ? Restore(made) : Build(made);
            default:
                return cudnnStatus.CUDNN_STATUS_SUCCESS;
        }
    }

    private FakeDescriptor Part(FakeDescriptor of, cudnnBackendAttributeName name) => Ever(of[name].As<nint>()[0]);

    /// <summary>
    /// Whether exactly these attributes are set, in this order. For a described GPU its descriptor follows them, and the graph has no handle; for one that
    /// is there it is the other way round.
    /// </summary>
    private bool InOrder(FakeDescriptor made, FakeDescriptor graph, params cudnnBackendAttributeName[] names)
    {
        cudnnBackendAttributeName properties = made.Kind == CUDNN_BACKEND_ENGINE_DESCRIPTOR ? CUDNN_ATTR_ENGINE_DEVICEPROP : CUDNN_ATTR_ENGINEHEUR_DEVICEPROP;
        cudnnBackendAttributeName[] wanted = graph.Has(CUDNN_ATTR_OPERATIONGRAPH_HANDLE) ? names : [.. names, properties];
        return made.Attributes.Select(attribute => attribute.Name).SequenceEqual(wanted)
            && (!made.Has(properties) || Part(made, properties).Kind == CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
    }

    private cudnnStatus Described(FakeDescriptor made)
    {
        if (made.Attributes is not [var only])
            return Refuse("a GPU is described by one attribute");
        if (only is { Name: CUDNN_ATTR_DEVICEPROP_HANDLE, Type: cudnnBackendAttributeType.CUDNN_TYPE_HANDLE })
            return _handles.Contains(only.As<nint>()[0]) ? cudnnStatus.CUDNN_STATUS_SUCCESS : Refuse("a description of an unknown handle's GPU");
        if (only is not { Name: CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, Type: cudnnBackendAttributeType.CUDNN_TYPE_CHAR } || only.Bytes is not [.., 0])
            return Refuse("a description is a text with its final zero");
        try
        {
            using JsonDocument document = JsonDocument.Parse(only.Bytes.AsMemory(0, only.Bytes.Length - 1));
            string[] wanted = Version >= 92800 ? [.. Fields, "memoryBusWidth"] : Fields;
            return wanted.All(field => document.RootElement.TryGetProperty(field, out _))
                ? cudnnStatus.CUDNN_STATUS_SUCCESS : cudnnStatus.CUDNN_STATUS_BAD_PARAM;
        }
        catch (JsonException)
        {
            return cudnnStatus.CUDNN_STATUS_BAD_PARAM;
        }
    }

    private cudnnStatus Build(FakeDescriptor made)
    {
        FakeDescriptor config = Part(made, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
        (made.Engine, made.Graph) = (config.Engine, config.Graph);
        cudnnBackendAttributeName[] wanted = made.Graph!.Has(CUDNN_ATTR_OPERATIONGRAPH_HANDLE)
            ? [CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG]
            : [CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP];
        if (!made.Attributes.Select(attribute => attribute.Name).SequenceEqual(wanted))
            return Refuse($"{made.Kind} is set in a wrong order");
        Built++;
        return made.Engine!.Fails ? cudnnStatus.CUDNN_STATUS_NOT_SUPPORTED_RUNTIME_PREREQUISITE_MISSING : cudnnStatus.CUDNN_STATUS_SUCCESS;
    }

    private static byte[] Printed(FakeCudnn now, FakeDescriptor plan) => Encoding.UTF8.GetBytes(
        $"{{\"cudnnVersion\": {now.Version}, \"engine\": {plan.Engine!.Index}, \"graph\": {plan.Graph!.Handle}}}\0");

    private cudnnStatus Restore(FakeDescriptor made)
    {
        FakeAttribute text = made[CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION];
        if (made.Attributes is not [{ Name: CUDNN_ATTR_EXECUTION_PLAN_HANDLE or CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP }, _])
            return Refuse("a plan is restored on a device, which is set first");
        if (text.Type != cudnnBackendAttributeType.CUDNN_TYPE_CHAR || text.Bytes is not [.., 0])
            return Refuse("a plan is a text with its final zero");
        using JsonDocument document = JsonDocument.Parse(text.Bytes.AsMemory(0, text.Bytes.Length - 1));
        if (document.RootElement.GetProperty("cudnnVersion").GetUInt64() != Version)
            return cudnnStatus.CUDNN_STATUS_NOT_SUPPORTED;
        made.Graph = Owners[(nint)document.RootElement.GetProperty("graph").GetInt64()].Ever((nint)document.RootElement.GetProperty("graph").GetInt64());
        made.Engine = OfGraph(made.Graph).FirstOrDefault(engine => engine.Index == document.RootElement.GetProperty("engine").GetInt64());
        if (made.Engine is null)
            return cudnnStatus.CUDNN_STATUS_NOT_SUPPORTED;
        Restored++;
        return cudnnStatus.CUDNN_STATUS_SUCCESS;
    }
}
