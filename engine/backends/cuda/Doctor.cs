using Iba.Engine.Backends.Cuda.Native;

namespace Iba.Engine.Backends.Cuda;

/// <summary>
/// Checks everything that CUDA needs and gives a remedy for each problem. It changes nothing and never throws, also on a machine without
/// CUDA.
/// </summary>
public sealed class Doctor
{
    /// <summary>The lowest compute capability with TF32, bfloat16 and support for the committed PTX.</summary>
    private const int Ampere = 80;

    private const int OldestDriver = 12000;

    /// <summary>The remedy for a cuDNN that is incomplete or of mixed versions.</summary>
    internal const string MendCudnn =
        "install one cuDNN 9 whole (package nvidia-cudnn-cu12 or -cu13) and remove the parts of others beside it, or name its folder in IBA_CUDA_DIRS";

    private readonly Libraries _libraries;
    private readonly Precision _precision;
    private readonly List<Finding> _findings = [];
    private readonly List<DeviceDescription> _devices = [];

    private Doctor(Libraries libraries, Precision precision) => (_libraries, _precision) = (libraries, precision);

    /// <summary>Examines this machine.</summary>
    /// <param name="precision">The requested precision.</param>
    public static Diagnosis Examine(Precision precision = Precision.TensorFloat32) =>
        Examine(Libraries.Load(Machine.Here(), new SystemLoader()), precision);

    internal static Diagnosis Examine(Libraries libraries, Precision precision)
    {
        var doctor = new Doctor(libraries, precision);
        bool runs = doctor.DriverWorks() && doctor.DeviceIsThere();
        // The other libraries are checked even so, to report all problems at once.
        doctor.LookAtNvrtc();
        doctor.LookAtCublasLt();
        doctor.LookAtCudnn();
        if (runs)
            doctor.LookAtPrecision();
        return new Diagnosis(doctor._findings, doctor._devices, libraries.Tried) { Files = libraries.Files };
    }

    private unsafe bool DriverWorks()
    {
        if (_libraries.Driver is not { } driver)
        {
            (string path, string reason) = _libraries.Refused.FirstOrDefault(refused => refused.Reason.Contains("too old", StringComparison.Ordinal));
            if (path is not null)
                return Fatal("driver", $"{path}: {reason}", "update the NVIDIA driver to 525 or newer (CUDA 12)");
            const string install = "install the NVIDIA driver (525 or newer); in a container start it with GPUs (docker run --gpus all)";
            // A bare name is what the system's loader was asked for; a path is an existing file.
            (path, reason) = _libraries.Refused.FirstOrDefault(refused => refused.Path.IndexOfAny(['/', '\\']) >= 0);
            return path is null
                ? Fatal("driver", $"no NVIDIA driver ({string.Join("; ", _libraries.Refused.Select(Refusal))})", install)
                : Fatal("driver", $"no NVIDIA driver: {path} does not load ({reason})", install);
        }

        CUresult result = driver.cuInit(0);
        if (result != CUresult.CUDA_SUCCESS)
            return CannotStart(driver, result);
        int version = driver.Version;
        string found = $"{_libraries.DriverPath} serves CUDA {version / 1000}.{version % 1000 / 10}";
        return version < OldestDriver
            ? Fatal("driver", $"{found}, but 12.0 is the oldest that works here", "update the NVIDIA driver to 525 or newer")
            : Fine("driver", found);
    }

    private bool CannotStart(Driver driver, CUresult result)
    {
        string path = _libraries.DriverPath!;
        return result switch
        {
            CUresult.CUDA_ERROR_STUB_LIBRARY => Fatal("driver", $"{path} is the toolkit's stub, made for linking, and no driver",
                "take the toolkit's 'stubs' folder off LD_LIBRARY_PATH (or IBA_CUDA_DIRS), so that the driver's own library is found"),
            CUresult.CUDA_ERROR_NO_DEVICE => Fatal("device", $"the driver ({path}) sees no GPU",
                "check nvidia-smi and CUDA_VISIBLE_DEVICES; in a container start it with GPUs (docker run --gpus all)"),
            CUresult.CUDA_ERROR_SYSTEM_DRIVER_MISMATCH => Fatal("driver", $"{path} and the kernel's NVIDIA module have different versions",
                "reboot: the driver was updated under a running system"),
            CUresult.CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE => Fatal("driver", $"{path} is a compatibility driver, which this GPU does not take",
                "take the toolkit's 'compat' folder off LD_LIBRARY_PATH and update the driver itself"),
            _ => Fatal("driver", $"{path}: cuInit answers {driver.Describe(result)}", "check that nvidia-smi works; if not, reinstall the driver"),
        };
    }

    private unsafe bool DeviceIsThere()
    {
        Driver driver = _libraries.Driver!;
        int count = 0;
        CUresult result = driver.cuDeviceGetCount(&count);
        if (result != CUresult.CUDA_SUCCESS || count == 0)
            return CannotStart(driver, result == CUresult.CUDA_SUCCESS ? CUresult.CUDA_ERROR_NO_DEVICE : result);
        for (int ordinal = 0; ordinal < count; ordinal++)
        {
            DeviceDescription device = Describe(driver, ordinal);
            _devices.Add(device);
            Fine("device", $"cuda:{ordinal} {device.Name}, compute capability {device.ComputeCapability / 10}.{device.ComputeCapability % 10}, "
                + $"{device.FreeBytes / 1048576.0:F0} of {device.TotalBytes / 1048576.0:F0} MiB free");
        }
        return true;
    }

    private static unsafe DeviceDescription Describe(Driver driver, int ordinal)
    {
        const int longestName = 256;
        int device = 0, major = 0, minor = 0;
        nuint free = 0, total = 0;
        byte* name = stackalloc byte[longestName];
        name[0] = 0;
        driver.cuDeviceGet(&device, ordinal);
        driver.cuDeviceGetName(name, longestName, device);
        driver.cuDeviceGetAttribute(&major, CUdevice_attribute.COMPUTE_CAPABILITY_MAJOR, device);
        driver.cuDeviceGetAttribute(&minor, CUdevice_attribute.COMPUTE_CAPABILITY_MINOR, device);
        driver.cuDeviceTotalMem_v2(&total, device);

        // Only a context can tell how much memory is free. The caller's own is restored: another backend may be using it.
        nint context, before = 0;
        driver.cuCtxGetCurrent(&before);
        if (driver.cuDevicePrimaryCtxRetain(&context, device) == CUresult.CUDA_SUCCESS)
        {
            if (driver.cuCtxSetCurrent(context) == CUresult.CUDA_SUCCESS)
                driver.cuMemGetInfo_v2(&free, &total);
            driver.cuCtxSetCurrent(before);
            driver.cuDevicePrimaryCtxRelease_v2(device);
        }
        return new DeviceDescription(ordinal, Utf8.Read(name), 10 * major + minor, (long)free, (long)total);
    }

    private void LookAtNvrtc()
    {
        if (IsLookedAtOnly("NVRTC", Library.Nvrtc))
            return;
        if (_libraries.Nvrtc is not { } nvrtc)
        {
            if (_devices.All(device => device.ComputeCapability >= Ampere))
                Slower("NVRTC", $"not found: kernels run from the PTX shipped with the program, and cuDNN cannot fuse. {Refusals(Library.Nvrtc)}".TrimEnd(),
                    InstallToolkit());
            else
                Fatal("NVRTC", "not found, and the PTX shipped with the program needs compute capability 8.0", InstallToolkit());
            return;
        }
        (int major, int minor) = nvrtc.Version;
        string found = $"{major}.{minor} at {_libraries.Toolkit!.Files[Library.Nvrtc]}";
        if (_libraries.Toolkit.Place.Folders.Count > 0 && !_libraries.Toolkit.Has(Library.NvrtcBuiltins))
        {
            Slower("NVRTC", $"{found}, but its built-ins are not beside it: kernels run from the PTX shipped with the program, and cuDNN cannot fuse",
                $"put {LibraryNames.Of(Library.NvrtcBuiltins, major, windows: false)}.{minor} of the same version beside it (package nvidia-cuda-nvrtc)");
        }
        else
        {
            Fine("NVRTC", found);
        }
    }

    private void LookAtCublasLt()
    {
        if (IsLookedAtOnly("cuBLASLt", Library.CublasLt))
            return;
        if (_libraries.CublasLt is { } cublasLt)
            Fine("cuBLASLt", $"{cublasLt.Version} at {_libraries.Toolkit!.Files[Library.CublasLt]}");
        else
            Slower("cuBLASLt", $"not found: matrix products run on plain kernels, many times slower. {Refusals(Library.CublasLt)}".TrimEnd(), InstallToolkit());
    }

    private void LookAtCudnn()
    {
        if (_libraries.CudnnSet is not { } set)
        {
            Slower("cuDNN", "not found: convolutions run as matrix products or plain kernels, many times slower",
                "install cuDNN 9 (package nvidia-cudnn-cu12 or -cu13), or name its folder in IBA_CUDA_DIRS");
        }
        else if (_libraries.CudnnFault is { } fault)
        {
            Slower("cuDNN", fault, MendCudnn);
        }
        else if (!_libraries.AreLoaded)
        {
            Fine("cuDNN", $"{string.Join(", ", _libraries.CudnnVersions.Values.Distinct())} {NotLoaded(set.Files[Library.Cudnn])}".TrimStart());
        }
        else if (_libraries.Cudnn is null)
        {
            Slower("cuDNN", $"{set.Files[Library.Cudnn]} does not load. {Refusals(Library.Cudnn)}", MendCudnn);
        }
        else
        {
            LookAtCudnnVersion(set, _libraries.Cudnn);
        }
    }

    private unsafe void LookAtCudnnVersion(LibrarySet set, Cudnn cudnn)
    {
        // This call needs no context, so it can come first.
        nuint runtime = cudnn.cudnnGetCudartVersion();
        string found = $"{Cudnn.Print(cudnn.cudnnGetVersion())} for CUDA {runtime / 1000} at {set.Files[Library.Cudnn]}";
        int driver = _libraries.Driver!.Version / 1000;
        if ((int)(runtime / 1000) > driver)
            Slower("cuDNN", $"{found}, but the driver serves CUDA {driver} only",
                $"install the cuDNN for CUDA {driver} (package nvidia-cudnn-cu{driver}), or update the driver");
        else
            Fine("cuDNN", found);
    }

    private void LookAtPrecision()
    {
        if (_precision != Precision.Float32 && _devices.Any(device => device.ComputeCapability < Ampere))
            Slower("precision", $"{_precision.Word()} needs compute capability 8.0: a device below it computes in fp32", "ask for fp32, or use another device");
        else
            Fine("precision", _precision.Word());
    }

    /// <summary>Without a driver no library is loaded; only its file was checked.</summary>
    private bool IsLookedAtOnly(string subject, Library library)
    {
        if (_libraries.AreLoaded || _libraries.Toolkit?.Files.GetValueOrDefault(library) is not { } path)
            return false;
        return Fine(subject, NotLoaded(path));
    }

    private static string NotLoaded(string path) => $"{path} is there; without a driver it was not loaded";

    private string InstallToolkit()
    {
        int major = _libraries.AreLoaded ? Math.Min(_libraries.Driver!.Version / 1000, LibraryNames.NewestMajor) : LibraryNames.NewestMajor;
        return $"install the CUDA {major} toolkit (or packages nvidia-cuda-nvrtc and nvidia-cublas for CUDA {major}), or name its folder in IBA_CUDA_DIRS";
    }

    private string Refusals(Library library)
    {
        string stem = library switch { Library.Nvrtc => "nvrtc", Library.CublasLt => "cublasLt", _ => "cudnn" };
        return string.Join("; ", _libraries.Refused.Where(refused => refused.Path.Contains(stem, StringComparison.Ordinal))
            .Select(Refusal));
    }

    /// <summary>The system's loader begins its reasons with the path.</summary>
    private static string Refusal((string Path, string Reason) refused) =>
        refused.Reason.StartsWith(refused.Path, StringComparison.Ordinal) ? refused.Reason : $"{refused.Path}: {refused.Reason}";

    private bool Fine(string subject, string message) => Add(new Finding(subject, Severity.Fine, message));

    private bool Slower(string subject, string message, string remedy) => Add(new Finding(subject, Severity.Slower, message, remedy));

    private bool Fatal(string subject, string message, string remedy) => Add(new Finding(subject, Severity.Fatal, message, remedy));

    private bool Add(Finding finding)
    {
        _findings.Add(finding);
        return finding.Severity != Severity.Fatal;
    }
}
