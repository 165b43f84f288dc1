// data                                       puts the datasets on the S3 server, prints their bucket
// hosts|jobs|process|cold|changed|memory     one race each; bench/run says what each is
using DatasetCache.Bench.OneHost;
using DatasetCache.Bench.OneHost.Races;

var ground = await Ground.FromEnvironmentAsync();
switch (args)
{
    case ["data"]:
        Console.WriteLine(await S3Data.PutAsync(ground));
        return 0;
    case ["hosts"]:
        return await Hosts.RunAsync(ground) ? 0 : 1;
    case ["jobs"]:
        return await TenJobs.RunAsync(ground) ? 0 : 1;
    case ["process"]:
        return await WarmProcess.RunAsync(ground) ? 0 : 1;
    case ["cold"]:
        return await Cold.RunAsync(ground) ? 0 : 1;
    case ["changed"]:
        return await Changed.RunAsync(ground) ? 0 : 1;
    case ["memory"]:
        return await Memory.RunAsync(ground) ? 0 : 1;
    default:
        Console.Error.WriteLine("one-host: data | hosts | jobs | process | cold | changed | memory");
        return 2;
}
