using Iba.Engine.Backends.Cuda.Native;
using Iba.Engine.Backends.Cuda.Plans;

namespace Iba.Engine.Backends.Cuda;

/// <summary>
/// A loop as a CUDA graph. The first run executes the verbs directly: a warm-up that loads kernels, builds plans and grows buffers, none of
/// which is possible during a capture. The second run captures the verbs, which does not execute them, and launches the graph. From then on
/// every run is one launch. Each run computes exactly what the verbs compute.
/// </summary>
internal sealed unsafe class Capture(Device device, Rounding rounding, Action verbs) : IReplay
{
    private DeviceHandle? _graph;
    private IReadOnlyCollection<CudaStorage> _written = [];
    private IReadOnlyCollection<CudaStorage> _used = [];
    private bool _isWarm;

    /// <summary>Why the loop is launched verb by verb and not as a graph; null if it is a graph, or has not run twice yet.</summary>
    public string? Refusal { get; private set; }

    /// <summary>Whether runs are graph launches.</summary>
    public bool IsCaptured => _graph is not null;

    /// <inheritdoc/>
    public void Run()
    {
        device.Enter("replay");
        if (device.IsCapturing)
            throw new InvalidOperationException("a captured loop cannot run inside another one.");
        if (_isWarm && _graph is null && Refusal is null)
            TryCapture();
        if (_graph is null)
        {
            verbs();
            _isWarm = true;
            return;
        }
        // The graph contains addresses, so nothing else would detect a disposed tensor.
        foreach (CudaStorage storage in _used)
        {
            if (storage.IsReturned)
                throw DisposedTensor.Exception;
        }
        rounding.Refresh();
        device.Check(device.Driver.cuGraphLaunch((nint)_graph.Value, device.Stream), "cuGraphLaunch");
        foreach (CudaStorage storage in _written)
            rounding.Written(storage);
    }

    /// <summary>
    /// The number of kernels and copies in one run, including those of libraries; 0 before the capture, or if the driver cannot tell.
    /// </summary>
    public int Launches { get; private set; }

    public void Dispose()
    {
        _graph?.Dispose();
        _graph = null;
    }

    private void TryCapture()
    {
        nint graph = 0;
        try
        {
            graph = Record();
            Launches = Count(graph);
            _graph = new DeviceHandle(device, Resource.Executable, Instantiate(graph));
            device.Captures++;
            device.Check(device.Driver.cuGraphUpload((nint)_graph.Value, device.Stream), "cuGraphUpload");
        }
        catch (Exception e) when (e is CudaException and not DeviceLostException or InvalidOperationException and not ObjectDisposedException)
        {
            // Something in the loop cannot be captured: on this machine, or at all. Nothing was executed, so only time is lost.
            Refusal = e.Message;
            Dispose();
        }
        finally
        {
            if (graph != 0)
                device.Driver.cuGraphDestroy(graph);
        }
    }

    /// <summary>Ends the capture on every path: a stream left in capture mode is unusable.</summary>
    private nint Record()
    {
        nint graph = 0;
        rounding.Refresh();
        rounding.StartRecording();
        device.Check(device.Driver.cuStreamBeginCapture_v2(device.Stream, CUstreamCaptureMode.THREAD_LOCAL), "cuStreamBeginCapture");
        device.IsCapturing = true;
        device.Captured = [];
        try
        {
            verbs();
        }
        catch
        {
            if (device.Driver.cuStreamEndCapture(device.Stream, &graph) == CUresult.CUDA_SUCCESS && graph != 0)
                device.Driver.cuGraphDestroy(graph);
            throw;
        }
        finally
        {
            device.IsCapturing = false;
            _used = device.Captured;
            device.Captured = null;
            _written = rounding.StopRecording();
        }
        device.Check(device.Driver.cuStreamEndCapture(device.Stream, &graph), "cuStreamEndCapture");
        return graph;
    }

    private int Count(nint graph)
    {
        nuint nodes = 0;
        return device.Driver.cuGraphGetNodes is not null && device.Driver.cuGraphGetNodes(graph, null, &nodes) == CUresult.CUDA_SUCCESS ? (int)nodes : 0;
    }

    private ulong Instantiate(nint graph)
    {
        nint executable;
        device.Check(device.Driver.cuGraphInstantiateWithFlags(&executable, graph, 0), "cuGraphInstantiate");
        return (ulong)executable;
    }
}
